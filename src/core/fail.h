/*
** fail.h -- the message, and the rule for failures.
**
** NULL in, NULL out: the first failure writes the message, NULL (or -1) travels up, and only the
** binder looks.  A second failure before that does not overwrite the first.  The core never throws,
** aborts, exits or prints.
*/
#ifndef tl_fail_h
#define tl_fail_h

#include "core/base.h"

void *tl_fail (const char *format, ...) TL_PRINTF(1, 2);       /* always NULL */
int tl_fault (const char *format, ...) TL_PRINTF(1, 2);        /* always -1 */
const char *tl_message (void);                                 /* "" when nothing failed */
void tl_clear (void);

/* shapes in words, "[2, 3]", into a rotating buffer of the caller's */
const char *tl_show_sizes (char buffer[static 256], int ndim, const int64_t *size);

#endif
