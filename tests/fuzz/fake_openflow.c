/* SPDX-License-Identifier: BSD-3-Clause
 *
 * OpenFlow that nobody speaks: bridges of a switch without sockets, for tests of the model. One
 * thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "openflow.h"

struct openflow {
	struct of_switch *sw; /* an empty one */
};

static const struct of_provider provider;

uint64_t openflow_now_ns(void)
{
	return 1;
}

int openflow_new(struct ctl *ctl, const char *name, struct dp_bridge *bridge,
	const struct openflow_conf *conf, struct sh_err *err, struct openflow **ret)
{
	const struct of_switch_conf none = { 0 };
	struct openflow *of = calloc(1, sizeof(*of));

	if (!of || of_switch_new(&none, &provider, NULL, &of->sw) < 0) {
		free(of);
		return sh_err_set(err, -ENOMEM, "out of memory");
	}
	*ret = of;
	return 0;
}

void openflow_free(struct openflow *of)
{
	if (of)
		of_switch_free(of->sw);
	free(of);
}

struct of_switch *openflow_switch(struct openflow *of)
{
	return of->sw;
}

int openflow_set(struct openflow *of, const struct openflow_conf *conf, struct sh_err *err)
{
	return 0;
}

void openflow_rest(struct openflow *of)
{
}

void openflow_settle(struct openflow *of)
{
}

void openflow_tick(struct openflow *of)
{
}

void openflow_take(struct openflow *of, const struct dp_to_control *what)
{
}

uint64_t openflow_learns_refused(const struct openflow *of)
{
	return 0;
}

void openflow_port_changed(struct openflow *of, const char *port, enum of_port_reason reason)
{
}

void openflow_refresh(struct openflow *of)
{
}
