#include "base/alloc.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <wtel/peer.h>

int wtel_peer_secret(char out[WTEL_PEER_SECRET_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char random[(WTEL_PEER_SECRET_SIZE - 1) / 2];
	size_t i;

	if (RAND_bytes(random, sizeof(random)) != 1)
		return WTEL_EIO;
	for (i = 0; i < sizeof(random); i++) {
		out[2 * i] = digits[random[i] >> 4];
		out[2 * i + 1] = digits[random[i] & 15];
	}
	out[2 * i] = '\0';
	base_wipe(random, sizeof(random));
	return 0;
}

int wtel_peer_hash(char out[WTEL_PEER_HASH_SIZE], const char *secret, int cost)
{
	struct crypt_data data;
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *hash;
	int code = WTEL_EIO;

	if (!secret || cost < 4 || cost > 31)
		return WTEL_EINVAL;
	memset(&data, 0, sizeof(data));
	if (!crypt_gensalt_rn("$2b$", (unsigned long)cost, NULL, 0, setting, sizeof(setting)))
		return WTEL_EIO;
	hash = crypt_r(secret, setting, &data);
	if (hash && hash[0] != '*' && strlen(hash) < WTEL_PEER_HASH_SIZE) {
		memcpy(out, hash, strlen(hash) + 1);
		code = 0;
	}
	base_wipe(&data, sizeof(data));
	return code;
}

bool wtel_peer_verify(const char *hash, const char *secret)
{
	struct crypt_data data;
	const char *again;
	bool equal;

	if (!hash || !secret)
		return false;
	memset(&data, 0, sizeof(data));
	again = crypt_r(secret, hash, &data);
	equal = again && again[0] != '*' && strlen(again) == strlen(hash) &&
		CRYPTO_memcmp(again, hash, strlen(hash)) == 0;
	base_wipe(&data, sizeof(data));
	return equal;
}

int wtel_peer_digest(char out[WTEL_DIGEST_SIZE], enum wtel_digest algorithm, const char *user, const char *realm,
		     const char *secret)
{
	const EVP_MD *kind = algorithm == WTEL_DIGEST_SHA256 ? EVP_sha256() : EVP_md5();
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0, i;
	EVP_MD_CTX *context;
	bool done;

	if (!user || !*user || strchr(user, ':') || !realm || strchr(realm, '"') || !secret)
		return WTEL_EINVAL;
	context = EVP_MD_CTX_new();
	if (!context)
		return WTEL_ENOMEM;
	done = EVP_DigestInit_ex(context, kind, NULL) == 1 && EVP_DigestUpdate(context, user, strlen(user)) == 1 &&
	       EVP_DigestUpdate(context, ":", 1) == 1 && EVP_DigestUpdate(context, realm, strlen(realm)) == 1 &&
	       EVP_DigestUpdate(context, ":", 1) == 1 && EVP_DigestUpdate(context, secret, strlen(secret)) == 1 &&
	       EVP_DigestFinal_ex(context, digest, &length) == 1 && 2 * length < WTEL_DIGEST_SIZE;
	EVP_MD_CTX_free(context);
	for (i = 0; done && i < length; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
	base_wipe(digest, sizeof(digest));
	return done ? 0 : WTEL_EUNSUPPORTED;
}
