#include <stdio.h>

int main(void)
{
	puts("mailtwin");
	return 0;
}
