// SPDX-License-Identifier: GPL-2.0
/*
 * A backend is up if it answers a GET with an accepted status. libcurl speaks HTTP; it is driven
 * from our loop by its socket and timer callbacks (curl_multi_socket_action(3)).
 */
#include <curl/curl.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/probe/checker.h"

enum { ANSWER_BYTES_MAX = 65536 }; /* headers and body; the rest of a body is not read */

struct http {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;
};

struct http_check {
	struct check_target target;
	struct http *http;
	CURL *easy;
	struct curl_slist *headers;
	struct event *finished; /* tells from the loop, outside libcurl's own callbacks */
	bool is_finished;
	bool is_cut; /* the body, at ANSWER_BYTES_MAX */
	CURLcode code;
	int socket_error;
	size_t answer_bytes;
};

/* --- libcurl on our loop --- */

static void finished_collect(struct http *http)
{
	struct http_check *check;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&check);
		check->is_finished = true;
		check->code = message->data.result;
		event_active(check->finished, EV_TIMEOUT, 0);
	}
}

static void socket_ready(evutil_socket_t fd, short what, void *context)
{
	struct http *http = context;
	int bits = 0, running;

	if (what & EV_READ)
		bits |= CURL_CSELECT_IN;
	if (what & EV_WRITE)
		bits |= CURL_CSELECT_OUT;
	curl_multi_socket_action(http->multi, fd, bits, &running);
	finished_collect(http);
}

static void timer_fired(evutil_socket_t fd, short what, void *context)
{
	struct http *http = context;
	int running;

	(void)fd;
	(void)what;
	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	finished_collect(http);
}

static int socket_changed(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned)
{
	struct http *http = context;
	struct event *event = assigned;
	short interest = EV_PERSIST;

	(void)easy;
	if (event)
		event_free(event);
	curl_multi_assign(http->multi, fd, NULL);
	if (what == CURL_POLL_REMOVE)
		return 0;
	if (what & CURL_POLL_IN)
		interest |= EV_READ;
	if (what & CURL_POLL_OUT)
		interest |= EV_WRITE;
	event = event_new(http->base, fd, interest, socket_ready, http);
	if (!event || event_add(event, NULL)) {
		if (event)
			event_free(event);
		return -1;
	}
	curl_multi_assign(http->multi, fd, event);
	return 0;
}

static int timer_changed(CURLM *multi, long ms, void *context)
{
	struct http *http = context;
	struct timeval delay = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	(void)multi;
	if (ms < 0)
		evtimer_del(http->timer);
	else
		evtimer_add(http->timer, &delay);
	return 0;
}

static void http_close(void *shared)
{
	struct http *http = shared;

	if (!http)
		return;
	if (http->multi)
		curl_multi_cleanup(http->multi);
	if (http->timer)
		event_free(http->timer);
	free(http);
	curl_global_cleanup();
}

static void *http_open(struct event_base *base)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http)
		return NULL;
	if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
		free(http);
		return NULL;
	}
	http->base = base;
	http->timer = evtimer_new(base, timer_fired, http);
	http->multi = curl_multi_init();
	if (!http->timer || !http->multi) {
		http_close(http);
		return NULL;
	}
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, socket_changed);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, timer_changed);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	return http;
}

/* --- the result --- */

static enum check_result http_fail(char reason[REASON_MAX], const char *problem)
{
	snprintf(reason, REASON_MAX, "HTTP: %s", problem);
	return CHECK_FAILED;
}

static enum check_result status_result(const struct http_check *check, char reason[REASON_MAX])
{
	unsigned lo = check->target.spec->status_lo, hi = check->target.spec->status_hi;
	char wanted[32];
	long status = 0;

	curl_easy_getinfo(check->easy, CURLINFO_RESPONSE_CODE, &status);
	reason[0] = '\0';
	if (status >= (long)lo && status <= (long)hi)
		return CHECK_PASSED;
	if (lo == hi)
		snprintf(wanted, sizeof(wanted), "%u", lo);
	else if (lo % 100 == 0 && hi == lo + 99)
		snprintf(wanted, sizeof(wanted), "%uxx", lo / 100);
	else
		snprintf(wanted, sizeof(wanted), "%u-%u", lo, hi);
	snprintf(reason, REASON_MAX, "HTTP %ld, wanted %s", status, wanted);
	return CHECK_FAILED;
}

static enum check_result unconnected_result(const struct http_check *check, char reason[REASON_MAX])
{
	long error = check->socket_error;

	if (!error)
		curl_easy_getinfo(check->easy, CURLINFO_OS_ERRNO, &error);
	return connect_result(error ? (int)error : ECONNREFUSED, reason);
}

static bool is_connected(const struct http_check *check)
{
	curl_off_t connected_us = 0;

	curl_easy_getinfo(check->easy, CURLINFO_CONNECT_TIME_T, &connected_us);
	return connected_us > 0;
}

/* libcurl says "out of memory" of a header line over its own limit, too. */
static enum check_result memory_result(const struct http_check *check, char reason[REASON_MAX])
{
	if (is_connected(check))
		return http_fail(reason, "header too long");
	return connect_result(ENOMEM, reason);
}

static enum check_result http_result(const struct http_check *check, char reason[REASON_MAX])
{
	switch (check->code) {
	case CURLE_OK:
		return status_result(check, reason);
	case CURLE_WRITE_ERROR:
		return check->is_cut ? status_result(check, reason)
				     : http_fail(reason, "header too long");
	case CURLE_COULDNT_CONNECT:
		return unconnected_result(check, reason);
	case CURLE_GOT_NOTHING:
		return http_fail(reason, "empty answer");
	case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP 0.9: no status line */
	case CURLE_WEIRD_SERVER_REPLY:
		return http_fail(reason, "not an HTTP answer");
	case CURLE_PARTIAL_FILE:
		return http_fail(reason, "answer cut short");
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return http_fail(reason, "connection reset");
	case CURLE_OUT_OF_MEMORY:
		return memory_result(check, reason);
	default:
		return http_fail(reason, curl_easy_strerror(check->code));
	}
}

static enum check_result http_expire(void *context, char reason[REASON_MAX])
{
	struct http_check *check = context;

	if (check->is_finished)
		return http_result(check, reason);
	if (!is_connected(check))
		return connect_result(ETIMEDOUT, reason);
	return http_fail(reason, "timed out");
}

static void http_finished(evutil_socket_t fd, short what, void *context)
{
	struct http_check *check = context;
	char reason[REASON_MAX];
	enum check_result result = http_result(check, reason);

	(void)fd;
	(void)what;
	check->target.done(check->target.context, result, reason);
}

/* --- one check --- */

/* Returning less than was offered makes libcurl stop. */
static size_t header_take(char *data, size_t size, size_t count, void *context)
{
	struct http_check *check = context;

	(void)data;
	check->answer_bytes += size * count;
	return check->answer_bytes > ANSWER_BYTES_MAX ? 0 : size * count;
}

static size_t body_take(char *data, size_t size, size_t count, void *context)
{
	struct http_check *check = context;

	(void)data;
	check->answer_bytes += size * count;
	check->is_cut = check->answer_bytes > ANSWER_BYTES_MAX;
	return check->is_cut ? 0 : size * count;
}

static curl_socket_t socket_make(void *context, curlsocktype purpose, struct curl_sockaddr *addr)
{
	struct http_check *check = context;
	int fd = check_socket(addr->family, addr->socktype, addr->protocol);

	(void)purpose;
	check->socket_error = fd < 0 ? errno : 0;
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static bool headers_set(struct http_check *check)
{
	const char *name = check->target.spec->host;
	/* The server closes: a fresh connection each time is a part of the check. */
	struct curl_slist *headers = curl_slist_append(NULL, "Connection: close");
	char host[sizeof(check->target.spec->host) + 8];

	check->headers = headers;
	if (!headers || !*name)
		return headers != NULL;
	snprintf(host, sizeof(host), "Host: %s", name);
	return curl_slist_append(headers, host) != NULL;
}

static void target_set(struct http_check *check)
{
	char endpoint[ENDPOINT_TEXT_MAX], url[ENDPOINT_TEXT_MAX + 8];

	snprintf(url, sizeof(url), "http://%s/", endpoint_format(check->target.endpoint, endpoint));
	curl_easy_setopt(check->easy, CURLOPT_URL, url);
	/* The path as it was typed, where the URL's would be normalized. */
	curl_easy_setopt(check->easy, CURLOPT_REQUEST_TARGET, check->target.spec->path);
	curl_easy_setopt(check->easy, CURLOPT_HTTPHEADER, check->headers);
	curl_easy_setopt(check->easy, CURLOPT_USERAGENT, "lbxdp");
	curl_easy_setopt(check->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	/* Whatever the environment says: to the backend itself. */
	curl_easy_setopt(check->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(check->easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(check->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(check->easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(check->easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(check->easy, CURLOPT_NOSIGNAL, 1L);
}

static void callbacks_set(struct http_check *check)
{
	curl_easy_setopt(check->easy, CURLOPT_PRIVATE, check);
	curl_easy_setopt(check->easy, CURLOPT_OPENSOCKETFUNCTION, socket_make);
	curl_easy_setopt(check->easy, CURLOPT_OPENSOCKETDATA, check);
	curl_easy_setopt(check->easy, CURLOPT_HEADERFUNCTION, header_take);
	curl_easy_setopt(check->easy, CURLOPT_HEADERDATA, check);
	curl_easy_setopt(check->easy, CURLOPT_WRITEFUNCTION, body_take);
	curl_easy_setopt(check->easy, CURLOPT_WRITEDATA, check);
}

static void http_stop(void *context)
{
	struct http_check *check = context;

	if (check->easy) {
		curl_multi_remove_handle(check->http->multi, check->easy);
		curl_easy_cleanup(check->easy);
	}
	curl_slist_free_all(check->headers);
	if (check->finished)
		event_free(check->finished);
	free(check);
}

static void *http_start(struct event_base *base, void *shared, const struct check_target *target,
			char reason[REASON_MAX])
{
	struct http_check *check = calloc(1, sizeof(*check));

	connect_result(ENOMEM, reason);
	if (!check)
		return NULL;
	check->http = shared;
	check->target = *target;
	check->finished = evtimer_new(base, http_finished, check);
	check->easy = curl_easy_init();
	if (!check->finished || !check->easy || !headers_set(check)) {
		http_stop(check);
		return NULL;
	}
	target_set(check);
	callbacks_set(check);
	if (curl_multi_add_handle(check->http->multi, check->easy)) {
		http_stop(check);
		return NULL;
	}
	return check;
}

const struct checker checker_http = {
	.open = http_open,
	.close = http_close,
	.start = http_start,
	.expire = http_expire,
	.stop = http_stop,
};
