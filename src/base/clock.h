#ifndef MAILTWIN_BASE_CLOCK_H
#define MAILTWIN_BASE_CLOCK_H

#include <stdint.h>

/* clock_ms(): milliseconds of a clock that nobody sets: for what lasts, not for what the time is.
 */
int64_t clock_ms(void);

#endif
