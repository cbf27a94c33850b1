-- SPDX-License-Identifier: GPL-2.0
-- What wrk measured, as one line of JSON on stderr.
function done(summary, latency)
	local errors = summary.errors
	io.stderr:write(string.format('{"rps": %.1f, "p50_us": %d, "p99_us": %d, "errors": %d}\n',
		summary.requests / summary.duration * 1e6, latency:percentile(50), latency:percentile(99),
		errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
