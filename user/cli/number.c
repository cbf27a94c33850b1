// SPDX-License-Identifier: GPL-2.0
/* Numbers as people read them. Pure. */
#include "user/cli/output.h"

/* Three digits at most, as ls -h and df -h have it: 9.9M, then 10M. */
static const char *scaled_format(unsigned long long number, unsigned base, const char *units,
				 char *text)
{
	double value = (double)number;

	if (number < base) {
		snprintf(text, NUMBER_TEXT_MAX, "%llu", number);
		return text;
	}
	for (value /= base; value >= base - 0.5 && units[1]; units++)
		value /= base;
	snprintf(text, NUMBER_TEXT_MAX, value < 9.95 ? "%.1f%c" : "%.0f%c", value, *units);
	return text;
}

const char *bytes_format(unsigned long long bytes, char text[NUMBER_TEXT_MAX])
{
	return scaled_format(bytes, 1024, "KMGTPE", text);
}

const char *count_format(unsigned long long count, char text[NUMBER_TEXT_MAX])
{
	return scaled_format(count, 1000, "kMGTPE", text);
}

const char *uptime_format(unsigned long long seconds, char text[NUMBER_TEXT_MAX])
{
	unsigned long long minutes = seconds / 60, hours = minutes / 60, days = hours / 24;

	if (days)
		snprintf(text, NUMBER_TEXT_MAX, "%llud %lluh", days, hours % 24);
	else if (hours)
		snprintf(text, NUMBER_TEXT_MAX, "%lluh %llum", hours, minutes % 60);
	else if (minutes)
		snprintf(text, NUMBER_TEXT_MAX, "%llum %llus", minutes, seconds % 60);
	else
		snprintf(text, NUMBER_TEXT_MAX, "%llus", seconds);
	return text;
}

const char *interval_format(unsigned long long ms, char text[NUMBER_TEXT_MAX])
{
	if (ms % 1000)
		snprintf(text, NUMBER_TEXT_MAX, "%llums", ms);
	else
		snprintf(text, NUMBER_TEXT_MAX, "%llus", ms / 1000);
	return text;
}
