#include "net/refusal.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"

/* Names of the certificate that a message lists. */
#define NAMES_SHOWN 4

/* The usual ways to be refused; for any other, OpenSSL's own words do. */
static const struct reason {
	int code;
	const char *text;
} reasons[] = {
	{X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
		"its certificate is signed by itself, and neither ca_file nor pin names it"},
	{X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "its certificate's root is not one that is trusted"},
	{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
		"its certificate's issuer is not one that is trusted"},
	{X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
		"its certificate's issuer is not one that is trusted"},
	{X509_V_ERR_INVALID_CA, "its certificate was issued by one that may not issue any"},
	{X509_V_ERR_INVALID_PURPOSE, "its certificate is not meant for a server"},
	{X509_V_ERR_EE_KEY_TOO_SMALL, "its certificate's key is too weak"},
	{X509_V_ERR_CA_KEY_TOO_SMALL, "the key of its certificate's issuer is too weak"},
	{X509_V_ERR_CA_MD_TOO_WEAK, "its certificate's signature is too weak (SHA-1, or MD5)"},
	{X509_V_ERR_CERT_REVOKED, "its certificate was revoked"},
};

bool refusal_key_digest(X509 *certificate, uint8_t *digest)
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
	bool ok = n > 0 && EVP_Digest(der, (size_t)n, digest, NULL, EVP_sha256(), NULL) == 1;
	OPENSSL_free(der);
	return ok;
}

static void date(struct buffer *b, const ASN1_TIME *time)
{
	struct tm tm;
	if (ASN1_TIME_to_tm(time, &tm) == 1)
		buffer_printf(b, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
	else
		buffer_puts(b, "a date that is none");
}

/* An address as people write it; what is neither four nor sixteen octets is none. */
static void address(struct buffer *b, const unsigned char *ip, int n)
{
	if (n == 4)
		buffer_printf(b, "%d.%d.%d.%d", ip[0], ip[1], ip[2], ip[3]);
	for (int i = 0; n == 16 && i < n; i += 2)
		buffer_printf(b, "%s%x", i > 0 ? ":" : "", ip[i] << 8 | ip[i + 1]);
}

static bool add_name(struct buffer *b, const GENERAL_NAME *name, const char *before)
{
	if (name->type != GEN_DNS && name->type != GEN_IPADD)
		return false;
	const ASN1_STRING *s = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
	const unsigned char *data = ASN1_STRING_get0_data(s);
	buffer_puts(b, before);
	if (name->type == GEN_IPADD)
		address(b, data, ASN1_STRING_length(s));
	for (int i = 0; name->type == GEN_DNS && i < ASN1_STRING_length(s); i++)
		if (data[i] > ' ' && data[i] < 0x7F)
			buffer_add(b, data + i, 1);
		else
			buffer_printf(b, "\\x%02X", data[i]);
	return true;
}

static void names(struct buffer *b, X509 *certificate)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int shown = 0, n = all != NULL ? sk_GENERAL_NAME_num(all) : 0;
	for (int i = 0; i < n && shown < NAMES_SHOWN; i++)
		shown += add_name(b, sk_GENERAL_NAME_value(all, i), shown > 0 ? ", " : "");
	if (shown == 0)
		buffer_puts(b, "no host at all (a common name is none)");
	else if (shown == NAMES_SHOWN && shown < n)
		buffer_puts(b, ", ...");
	GENERAL_NAMES_free(all);
}

static void key(struct buffer *b, X509 *certificate)
{
	uint8_t digest[32];
	char base64[48];
	if (!refusal_key_digest(certificate, digest))
		return;
	EVP_EncodeBlock((unsigned char *)base64, digest, sizeof digest);
	buffer_printf(b, "sha256//%s", base64);
}

/* The part of the sentence that depends on what the certificate says. */
static bool particular(
	struct buffer *b, int code, X509 *leaf, X509 *culprit, const struct tls_policy *policy)
{
	switch (code) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		buffer_puts(b, culprit == leaf ? "its certificate expired on "
					       : "its certificate's issuer expired on ");
		date(b, X509_get0_notAfter(culprit));
		return true;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		buffer_puts(b, "its certificate is not valid before ");
		date(b, X509_get0_notBefore(culprit));
		return true;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		buffer_printf(b, "its certificate is not for %s, it names ", policy->host);
		names(b, leaf);
		return true;
	case X509_V_ERR_APPLICATION_VERIFICATION:
		buffer_puts(b, "its public key is not the pinned one but ");
		key(b, leaf);
		return true;
	default:
		return false;
	}
}

static void general(struct buffer *b, int code)
{
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].code == code) {
			buffer_puts(b, reasons[i].text);
			return;
		}
	buffer_puts(b, X509_verify_cert_error_string(code));
}

const char *refusal_certificate(
	X509_STORE_CTX *store, const struct tls_policy *policy, char *text, size_t size)
{
	int code = X509_STORE_CTX_get_error(store);
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	X509 *culprit = X509_STORE_CTX_get_current_cert(store);
	struct buffer b;
	buffer_init(&b, 4096);
	if (leaf == NULL || !particular(&b, code, leaf, culprit != NULL ? culprit : leaf, policy))
		general(&b, code);
	snprintf(text, size, "%s", b.data);
	buffer_finish(&b);
	return text;
}

const char *refusal_openssl(char *text, size_t size)
{
	/* The first is the cause, the others say through which functions it came. */
	unsigned long code = ERR_peek_error();
	const char *why = NULL;
	if (ERR_GET_LIB(code) == ERR_LIB_SYS)
		why = strerror(ERR_GET_REASON(code));
	else if (code != 0)
		why = ERR_reason_error_string(code);
	snprintf(text, size, "%s", why != NULL ? why : "no reason was told");
	return text;
}
