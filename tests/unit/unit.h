#ifndef MAILTWIN_TESTS_UNIT_H
#define MAILTWIN_TESTS_UNIT_H

/* cmocka, with what it wants included before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* What an error said, as a sentence in the failure of a test. */
#define assert_error(err, wanted_scope, wanted_text) \
	do { \
		assert_string_equal((err).text, (wanted_text)); \
		assert_int_equal((err).scope, (wanted_scope)); \
	} while (0)

#endif
