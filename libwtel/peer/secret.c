#include "base/alloc.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
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
