#include "sync/report.h"

/* The first of these that any pair ended with is what the program ends with. */
static const int order[] = {CAUSE_LOCAL, CAUSE_DOUBT, CAUSE_SIGNIN, CAUSE_NETWORK, CAUSE_CONFIG,
	CAUSE_MAIL, CAUSE_BUSY};

#define KINDS ((int)(sizeof order / sizeof *order))

/* 128 and more: a signal stopped the run, and nothing after it was tried. */
static int rank(int code)
{
	if (code >= 128)
		return -1;
	if (code == 0)
		return KINDS + 1;
	for (int i = 0; i < KINDS; i++)
		if (code == order[i])
			return i;
	return KINDS;
}

int report_worse(int a, int b)
{
	return rank(b) < rank(a) ? b : a;
}
