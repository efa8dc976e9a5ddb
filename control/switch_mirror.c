/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Mirrors by their names, as switch.c has bridges and ports. Control thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resolve.h"
#include "switch.h"

struct switch_mirror *switch_mirror(const struct switch_state *sw, const char *name)
{
	for (unsigned i = 0; i < sw->n_mirrors; i++)
		if (strcmp(sw->mirrors[i].name, name) == 0)
			return &sw->mirrors[i];
	return NULL;
}

static int mirrors_grow(struct switch_state *sw)
{
	struct switch_mirror *grown;

	if (sw->n_mirrors < sw->mirrors_room)
		return 0;
	grown = realloc(sw->mirrors, (sw->n_mirrors + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	sw->mirrors = grown;
	sw->mirrors_room = sw->n_mirrors + 1;
	return 0;
}

int switch_mirror_add(struct switch_state *sw, const struct conf_item *item, struct sh_err *err)
{
	const struct switch_bridge *bridge =
		switch_bridge(sw, conf_get(item, API_MIRROR, "bridge"));
	struct switch_mirror fresh = { 0 };
	struct dp_mirror_conf conf;
	int r;

	if (!bridge)
		return sh_err_set(err, -ENOENT, "its bridge is not there");
	if (mirrors_grow(sw) < 0)
		return sh_err_set(err, -ENOMEM, "out of memory");
	r = resolve_mirror(item, &conf, err);
	if (r == 0)
		r = dp_mirror_add(bridge->dp, &conf, err, &fresh.dp);
	if (r < 0)
		return r;
	snprintf(fresh.name, sizeof(fresh.name), "%s", conf_get(item, API_MIRROR, "name"));
	sw->mirrors[sw->n_mirrors++] = fresh;
	return 0;
}

int switch_mirror_set(struct switch_state *sw, const struct conf_item *item, struct sh_err *err)
{
	const char *name = conf_get(item, API_MIRROR, "name");
	const struct switch_bridge *bridge =
		switch_bridge(sw, conf_get(item, API_MIRROR, "bridge"));
	struct switch_mirror *mirror = switch_mirror(sw, name);
	struct dp_mirror_conf conf;
	struct dp_mirror *fresh;
	int r;

	if (!mirror)
		return sh_err_set(err, -ENOENT, "mirror '%s' is not there", name);
	if (!bridge)
		return sh_err_set(err, -ENOENT, "its bridge is not there");
	r = resolve_mirror(item, &conf, err);
	if (r < 0 || dp_mirror_bridge(mirror->dp) == bridge->dp)
		return r < 0 ? r : dp_mirror_set(mirror->dp, &conf, err);
	/* On another bridge it is another. */
	r = dp_mirror_add(bridge->dp, &conf, err, &fresh);
	if (r < 0)
		return r;
	dp_mirror_del(mirror->dp);
	mirror->dp = fresh;
	return 0;
}

void switch_mirror_del(struct switch_state *sw, const char *name)
{
	struct switch_mirror *mirror = switch_mirror(sw, name);

	if (!mirror)
		return;
	dp_mirror_del(mirror->dp);
	*mirror = sw->mirrors[--sw->n_mirrors];
}
