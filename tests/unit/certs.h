#ifndef MAILTWIN_TESTS_CERTS_H
#define MAILTWIN_TESTS_CERTS_H

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>

/* Certificates for tests, made on the spot: no file to expire in the repository. */

struct cert {
	EVP_PKEY *key;
	X509 *x509;
	const struct cert *issuer; /* NULL: itself */
};

struct cert_spec {
	const char *cn;
	const char *san; /* as in openssl.cnf: "DNS:a.example,IP:127.0.0.1"; NULL: none */
	size_t raw_san;	 /* not 0: san is one DNS name of so many octets, NUL and all */
	const char *eku; /* NULL: "serverAuth" */
	int from, to;	 /* days from now; both 0: yesterday to tomorrow */
	bool ca;
	int rsa_bits;	    /* 0: an elliptic curve */
	const char *digest; /* NULL: SHA256 */
	const struct cert *issuer;
};

/* cert_make(spec), cert_free(cert) */
struct cert *cert_make(const struct cert_spec *spec);
void cert_free(struct cert *cert);

/* cert_write(path, cert, key): as PEM; with its private key, or without. */
void cert_write(const char *path, const struct cert *cert, bool key);

/* cert_pin(cert, digest): SHA-256 of its public key. */
void cert_pin(const struct cert *cert, unsigned char digest[32]);

/* cert_server(cert): a server's context that shows ${cert} and its issuers but the last, and that
 * itself is content with anything. */
SSL_CTX *cert_server(const struct cert *cert);

#endif
