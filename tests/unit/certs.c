#include "certs.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY 86400L

static void must(int ok)
{
	if (ok <= 0)
		abort();
}

static EVP_PKEY *make_key(int rsa_bits)
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(rsa_bits > 0 ? EVP_PKEY_RSA : EVP_PKEY_EC, NULL);
	must(EVP_PKEY_keygen_init(ctx));
	if (rsa_bits > 0)
		must(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, rsa_bits));
	else
		must(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1));
	must(EVP_PKEY_keygen(ctx, &key));
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void extend(X509 *x509, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(extension != NULL && X509_add_ext(x509, extension, -1));
	X509_EXTENSION_free(extension);
}

/* The text syntax cannot say a NUL. */
static void extend_raw_name(X509 *x509, const char *name, size_t n)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	GENERAL_NAME *one = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();
	must(ASN1_STRING_set(text, name, (int)n));
	GENERAL_NAME_set0_value(one, GEN_DNS, text);
	must(sk_GENERAL_NAME_push(names, one));
	must(X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT));
	GENERAL_NAMES_free(names);
}

struct cert *cert_make(const struct cert_spec *spec)
{
	static long serial = 1;
	struct cert *cert = calloc(1, sizeof *cert);
	cert->key = make_key(spec->rsa_bits);
	cert->issuer = spec->issuer;
	X509 *x = cert->x509 = X509_new();
	const struct cert *issuer = spec->issuer != NULL ? spec->issuer : cert;

	bool dated = spec->from != 0 || spec->to != 0;
	must(X509_set_version(x, 2));
	must(ASN1_INTEGER_set(X509_get_serialNumber(x), serial++));
	X509_gmtime_adj(X509_getm_notBefore(x), (dated ? spec->from : -1) * DAY);
	X509_gmtime_adj(X509_getm_notAfter(x), (dated ? spec->to : 1) * DAY);
	must(X509_set_pubkey(x, cert->key));
	must(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
		(const unsigned char *)spec->cn, -1, -1, 0));
	must(X509_set_issuer_name(x, X509_get_subject_name(issuer->x509)));
	extend(x, issuer->x509, NID_subject_key_identifier, "hash");
	if (spec->issuer != NULL)
		extend(x, issuer->x509, NID_authority_key_identifier, "keyid");
	extend(x, issuer->x509, NID_basic_constraints, spec->ca ? "critical,CA:TRUE" : "CA:FALSE");
	if (!spec->ca)
		extend(x, issuer->x509, NID_ext_key_usage,
			spec->eku != NULL ? spec->eku : "serverAuth");
	if (spec->raw_san > 0)
		extend_raw_name(x, spec->san, spec->raw_san);
	else if (spec->san != NULL)
		extend(x, issuer->x509, NID_subject_alt_name, spec->san);
	const EVP_MD *md = EVP_get_digestbyname(spec->digest != NULL ? spec->digest : "SHA256");
	must(X509_sign(x, issuer->key, md));
	return cert;
}

void cert_free(struct cert *cert)
{
	if (cert == NULL)
		return;
	X509_free(cert->x509);
	EVP_PKEY_free(cert->key);
	free(cert);
}

void cert_write(const char *path, const struct cert *cert, bool key)
{
	FILE *file = fopen(path, "w");
	must(file != NULL && PEM_write_X509(file, cert->x509));
	if (key)
		must(PEM_write_PrivateKey(file, cert->key, NULL, NULL, 0, NULL, NULL));
	fclose(file);
}

void cert_pin(const struct cert *cert, unsigned char digest[32])
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(cert->key, &der);
	must(n > 0 && EVP_Digest(der, (size_t)n, digest, NULL, EVP_sha256(), NULL));
	OPENSSL_free(der);
}

SSL_CTX *cert_server(const struct cert *cert)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	must(SSL_CTX_use_certificate(ctx, cert->x509));
	must(SSL_CTX_use_PrivateKey(ctx, cert->key));
	for (const struct cert *c = cert->issuer; c != NULL && c->issuer != NULL; c = c->issuer)
		must((int)SSL_CTX_add1_chain_cert(ctx, c->x509));
	return ctx;
}
