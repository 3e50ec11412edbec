/*
 * Runs a fuzz target over the files of its corpus, once each, with any compiler:
 *
 *   fuzz_<target>_replay FILE-OR-DIRECTORY...
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned replayed;

static int replay_file(const char *path)
{
	FILE *in = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t size = 0, got;

	if (!in) {
		perror(path);
		return 1;
	}
	do {
		uint8_t *grown = realloc(data, size + 65536);

		if (!grown) {
			free(data);
			fclose(in);
			return 1;
		}
		data = grown;
		got = fread(data + size, 1, 65536, in);
		size += got;
	} while (got);
	fclose(in);
	/* An exact copy, so that tools see a byte read too far. */
	data = realloc(data, size ? size : 1);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	replayed++;
	return 0;
}

static int replay_directory(DIR *directory, const char *path)
{
	struct dirent *entry;
	char name[4096];
	int wrong = 0;

	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.') {
			snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
			wrong |= replay_file(name);
		}
	closedir(directory);
	return wrong;
}

int main(int count, char **paths)
{
	int i, wrong = 0;

	for (i = 1; i < count; i++) {
		DIR *directory = opendir(paths[i]);

		wrong |= directory ? replay_directory(directory, paths[i]) : replay_file(paths[i]);
	}
	printf("%u inputs\n", replayed);
	return wrong || !replayed;
}
