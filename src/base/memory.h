#ifndef MAILTWIN_BASE_MEMORY_H
#define MAILTWIN_BASE_MEMORY_H

/*
 * memory_guard(void):
 * Let too little memory end the program inside of OpenSSL, too, as everywhere (error.h): some of
 * its functions crash where they get none.  To be called before any function of OpenSSL.
 */
void memory_guard(void);

#endif
