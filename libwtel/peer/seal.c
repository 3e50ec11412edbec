/* Secrets sealed with AES-256-GCM: "1:ID:" and, in base64url, nonce, cipher text and tag. */
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <wtel/peer.h>

#include "base/alloc.h"
#include "base/error.h"

enum { ID_MOST = 16, KEY_SIZE = 32, NONCE_SIZE = 12, TAG_SIZE = 16, BOX_MOST = NONCE_SIZE + WTEL_SEAL_MAX + TAG_SIZE };

struct key {
	char id[ID_MOST + 1];
	unsigned char bytes[KEY_SIZE];
};

struct wtel_keyring {
	struct wtel_allocator allocator;
	size_t count;
	struct key keys[WTEL_KEYS_MAX];
};

static const char id_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
#define letters id_letters /* base64url's are the same, in its order */

/* ---- keys ------------------------------------------------------------- */

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static const struct key *find_key(const struct wtel_keyring *keyring, const char *id, size_t length)
{
	size_t i;

	for (i = 0; i < keyring->count; i++)
		if (strlen(keyring->keys[i].id) == length && memcmp(keyring->keys[i].id, id, length) == 0)
			return &keyring->keys[i];
	return NULL;
}

/* NULL, or what is wrong with it. */
static const char *read_key(struct wtel_keyring *keyring, const char *text, size_t length)
{
	struct key *key = &keyring->keys[keyring->count];
	size_t id = strspn(text, id_letters), at, i;

	if (id > length)
		id = length;
	at = id + (id < length ? strspn(text + id, " \t") : 0);
	if (!id || id > ID_MOST || at == id || at > length)
		return "must be an id and 64 hex digits";
	if (length - at != (size_t)2 * KEY_SIZE)
		return "has a key that is not 64 hex digits long";
	if (keyring->count == WTEL_KEYS_MAX)
		return "is one key too many";
	if (find_key(keyring, text, id))
		return "has an id that was there before";
	for (i = 0; i < KEY_SIZE; i++) {
		int high = hex(text[at + 2 * i]), low = hex(text[at + 2 * i + 1]);

		if (high < 0 || low < 0)
			return "has a key that is not hexadecimal";
		key->bytes[i] = (unsigned char)(high << 4 | low);
	}
	memcpy(key->id, text, id);
	key->id[id] = '\0';
	keyring->count++;
	return NULL;
}

static int read_keys(struct wtel_keyring *keyring, const char *text, struct wtel_detail *detail)
{
	const char *wrong = NULL;
	int line = 1;

	while (*text && !wrong) {
		size_t whole = strcspn(text, "\n,"), length = strcspn(text, "\n,#"), skip = strspn(text, " \t\r");

		if (skip < length) {
			while (length > skip && strchr(" \t\r", text[length - 1]))
				length--;
			wrong = read_key(keyring, text + skip, length - skip);
		}
		text += whole + (text[whole] != '\0');
		line += !wrong;
	}
	if (wrong)
		return base_fail(detail, WTEL_ECONFIG, "secret_keys", "line %d of the keys %s", line, wrong);
	if (!keyring->count)
		return base_fail(detail, WTEL_ECONFIG, "secret_keys", "there is no key: wtelctl keys new makes one");
	return 0;
}

int wtel_keyring_new(struct wtel_keyring **out, const char *text, const struct wtel_allocator *allocator,
		     struct wtel_detail *detail)
{
	struct wtel_allocator memory = base_allocator(allocator);
	struct wtel_keyring *keyring = base_allocate_zero(&memory, sizeof(*keyring));
	int code;

	if (!keyring)
		return base_fail(detail, WTEL_ENOMEM, "", "%s", wtel_error_text(WTEL_ENOMEM));
	keyring->allocator = memory;
	code = read_keys(keyring, text ? text : "", detail);
	if (code)
		wtel_keyring_free(keyring);
	else
		*out = keyring;
	return code;
}

void wtel_keyring_free(struct wtel_keyring *keyring)
{
	struct wtel_allocator memory;

	if (!keyring)
		return;
	memory = keyring->allocator;
	base_wipe(keyring, sizeof(*keyring));
	base_release(&memory, keyring);
}

int wtel_keyring_line(char out[WTEL_KEY_LINE_SIZE])
{
	unsigned char random[4 + KEY_SIZE];
	size_t i;

	if (RAND_bytes(random, sizeof(random)) != 1)
		return WTEL_EIO;
	for (i = 0; i < sizeof(random); i++)
		snprintf(out + 2 * i + (i >= 4), 3, "%02x", random[i]);
	out[8] = ' ';
	base_wipe(random, sizeof(random));
	return 0;
}

/* ---- base64url -------------------------------------------------------- */

static void encode(char *out, const unsigned char *bytes, size_t length)
{
	uint32_t bits = 0;
	int have = 0;
	size_t i;

	for (i = 0; i < length; i++) {
		bits = bits << 8 | bytes[i];
		for (have += 8; have >= 6; have -= 6)
			*out++ = letters[bits >> (have - 6) & 63];
	}
	if (have)
		*out++ = letters[bits << (6 - have) & 63];
	*out = '\0';
}

/* How many bytes; 0: it is none, or not the one way in which they are written. */
static size_t decode(unsigned char *out, size_t room, const char *text)
{
	uint32_t bits = 0;
	size_t length = 0;
	int have = 0;

	for (; *text; text++) {
		const char *letter = strchr(letters, *text);

		if (!letter)
			return 0;
		bits = bits << 6 | (uint32_t)(letter - letters);
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (length == room)
			return 0;
		out[length++] = (unsigned char)(bits >> have);
	}
	return have >= 6 || (bits & ((1u << have) - 1)) ? 0 : length;
}

/* ---- sealing ---------------------------------------------------------- */

/* What is sealed in beside the secret: whose it is, and what for. */
static int bind(char *out, size_t room, const char *purpose, int64_t owner)
{
	int length = snprintf(out, room, "wtel %s %lld", purpose, (long long)owner);

	return length < 0 || (size_t)length >= room ? -1 : length;
}

int wtel_seal(char out[WTEL_SEALED_SIZE], const struct wtel_keyring *keyring, const char *purpose, int64_t owner,
	      const char *secret)
{
	size_t length = secret ? strlen(secret) : 0;
	unsigned char box[BOX_MOST];
	char bound[64];
	int part = 0, bound_length = purpose ? bind(bound, sizeof(bound), purpose, owner) : -1, code = 0;
	EVP_CIPHER_CTX *context;

	if (!keyring || !secret || bound_length < 0)
		return WTEL_EINVAL;
	if (length > WTEL_SEAL_MAX)
		return WTEL_ELIMIT;
	if (RAND_bytes(box, NONCE_SIZE) != 1)
		return WTEL_EIO;
	context = EVP_CIPHER_CTX_new();
	if (!context)
		return WTEL_ENOMEM;
	if (EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, keyring->keys[0].bytes, box) != 1 ||
	    EVP_EncryptUpdate(context, NULL, &part, (const unsigned char *)bound, bound_length) != 1 ||
	    EVP_EncryptUpdate(context, box + NONCE_SIZE, &part, (const unsigned char *)secret, (int)length) != 1 ||
	    EVP_EncryptFinal_ex(context, box + NONCE_SIZE + length, &part) != 1 ||
	    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, box + NONCE_SIZE + length) != 1)
		code = WTEL_EIO;
	EVP_CIPHER_CTX_free(context);
	if (code)
		return code;
	part = snprintf(out, WTEL_SEALED_SIZE, "1:%s:", keyring->keys[0].id);
	encode(out + part, box, NONCE_SIZE + length + TAG_SIZE);
	return 0;
}

/* The id's length; 0: this is nothing sealed. */
static size_t id_of(const char *sealed)
{
	size_t length;

	if (!sealed || strncmp(sealed, "1:", 2) != 0)
		return 0;
	length = strspn(sealed + 2, id_letters);
	return length <= ID_MOST && sealed[2 + length] == ':' ? length : 0;
}

static int open_box(char *out, const struct key *key, const char *bound, int bound_length, unsigned char *box,
		    size_t length)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int part = 0, rest = 0, code = 0;

	if (!context)
		return WTEL_ENOMEM;
	if (EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes, box) != 1 ||
	    EVP_DecryptUpdate(context, NULL, &part, (const unsigned char *)bound, bound_length) != 1 ||
	    EVP_DecryptUpdate(context, (unsigned char *)out, &part, box + NONCE_SIZE, (int)length) != 1 ||
	    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, box + NONCE_SIZE + length) != 1 ||
	    EVP_DecryptFinal_ex(context, (unsigned char *)out + length, &rest) != 1)
		code = WTEL_EPERMISSION;
	EVP_CIPHER_CTX_free(context);
	out[length] = '\0';
	if (code)
		base_wipe(out, WTEL_SEAL_MAX + 1);
	return code;
}

int wtel_unseal(char out[WTEL_SEAL_MAX + 1], const struct wtel_keyring *keyring, const char *purpose, int64_t owner,
		const char *sealed)
{
	size_t id = id_of(sealed), length;
	unsigned char box[BOX_MOST];
	char bound[64], secret[WTEL_SEAL_MAX + 1];
	const struct key *key;
	int bound_length = purpose ? bind(bound, sizeof(bound), purpose, owner) : -1, code;

	if (!keyring || !id || bound_length < 0)
		return WTEL_EINVAL;
	length = decode(box, sizeof(box), sealed + 2 + id + 1);
	if (length < NONCE_SIZE + TAG_SIZE)
		return WTEL_EINVAL;
	key = find_key(keyring, sealed + 2, id);
	if (!key)
		return WTEL_ENOTFOUND;
	code = open_box(secret, key, bound, bound_length, box, length - NONCE_SIZE - TAG_SIZE);
	if (!code)
		memcpy(out, secret, sizeof(secret));
	base_wipe(secret, sizeof(secret));
	return code;
}

bool wtel_sealed_by_first(const struct wtel_keyring *keyring, const char *sealed)
{
	size_t id = id_of(sealed);

	return keyring && id && find_key(keyring, sealed + 2, id) == &keyring->keys[0];
}
