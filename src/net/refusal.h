#ifndef MAILTWIN_NET_REFUSAL_H
#define MAILTWIN_NET_REFUSAL_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/conn.h"

/*
 * Why TLS was refused, as the end of a sentence for a person.
 *
 * Each writes to ${text}, of ${size} octets, and returns it.
 */

/* refusal_certificate(store, policy, text, size): what is wrong with the certificate whose
 * verification ${store} has just failed. */
const char *refusal_certificate(
	X509_STORE_CTX *store, const struct tls_policy *policy, char *text, size_t size);

/* refusal_openssl(text, size): what this thread's OpenSSL calls complained about since
 * ERR_clear_error(). */
const char *refusal_openssl(char *text, size_t size);

/* refusal_key_digest(certificate, digest): the SHA-256 of its SubjectPublicKeyInfo, 32 octets. */
bool refusal_key_digest(X509 *certificate, uint8_t *digest);

#endif
