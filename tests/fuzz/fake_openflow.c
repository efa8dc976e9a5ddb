/* SPDX-License-Identifier: BSD-3-Clause
 *
 * OpenFlow that nobody speaks: bridges of a switch without sockets, for tests of the model. One
 * thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "openflow.h"

struct openflow {
	bool secure;
};

uint64_t openflow_now_ns(void)
{
	return 1;
}

int openflow_new(struct ctl *ctl, const char *name, struct dp_bridge *bridge,
	const struct openflow_conf *conf, struct sh_err *err, struct openflow **ret)
{
	struct openflow *of = calloc(1, sizeof(*of));

	if (!of)
		return sh_err_set(err, -ENOMEM, "out of memory");
	of->secure = conf->secure;
	*ret = of;
	return 0;
}

void openflow_free(struct openflow *of)
{
	free(of);
}

int openflow_set(struct openflow *of, const struct openflow_conf *conf, struct sh_err *err)
{
	of->secure = conf->secure;
	return 0;
}

void openflow_tick(struct openflow *of)
{
}

void openflow_take(struct openflow *of, const struct dp_to_control *what)
{
}

void openflow_port_changed(struct openflow *of, const char *port, enum of_port_reason reason)
{
}

void openflow_refresh(struct openflow *of)
{
}
