/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The methods of the API (doc/api.md). A method reads its parameters, asks or changes the state,
 * and makes a result; it knows of no socket. Control thread.
 */
#pragma once

#include <jansson.h>

#include "change.h"
#include "later.h"

#define METHOD_LATER 1 /* what a method returns that has kept its caller for a later answer */

/* Who calls. */
struct method_caller {
	const struct reconcile_watch *watch; /* may be NULL */
	/* Keep the caller for a later answer; NULL when it has too many of them. NULL: it cannot
	 * wait. */
	struct later *(*defer)(void *ctx);
	void *ctx;
};

struct call {
	const json_t *params; /* an object, or NULL for none */
	enum api_noun noun;   /* of the method, where one function serves several */
	const struct reconcile_watch *watch;
	const struct method_caller *caller;
};

typedef int method_fn(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err);

/**
 * Call a method by its name; caller may be NULL.
 *
 * return:  0 and a new reference in *ret (NULL for {}); METHOD_LATER, and the caller is answered
 *          by what it has made
 * errors:  *ret_code is the enum api_rpc_code; the -errno is returned
 */
int method_call(struct ctl *ctl, const char *name, const json_t *params,
	const struct method_caller *caller, json_t **ret, int *ret_code, struct sh_err *err);

/** The enum api_rpc_code of a method's -errno. */
int method_code(int r);

/** Keep the caller. return: NULL and a sentence when that cannot be. */
struct later *method_defer(const struct call *call, struct sh_err *err);

/* Parameters. errors: -EINVAL with a sentence. */
int method_text(const struct call *call, const char *name, const char **ret, struct sh_err *err);

/** Like method_text, but NULL when the parameter is not given. */
int method_text_optional(
	const struct call *call, const char *name, const char **ret, struct sh_err *err);
int method_bool(const struct call *call, const char *name, bool *ret, struct sh_err *err);

#define METHOD_MAX_PART 10000

/* What a list is asked for that comes in parts. */
struct method_part {
	size_t limit;        /* above METHOD_MAX_PART: all were asked for */
	const json_t *after; /* an object of an earlier part, the last one; NULL: from the begin */
	const char *from;    /* and its bridge, which the list goes on in; NULL as well */
};

/** Read "limit", at least min, and "after". errors: -EINVAL with a sentence. */
int method_part(const struct call *call, size_t min, struct method_part *ret, struct sh_err *err);

/** A number of "after". errors: -EINVAL with a sentence. */
int method_after(const struct method_part *part, const char *name, json_int_t max, json_int_t *ret,
	struct sh_err *err);

/** errors: -E2BIG: all were asked for, and are too many for one answer. */
int method_part_check(const struct method_part *part, const json_t *array, struct sh_err *err);

/** errors: -ENOENT "no such port 'web1'". */
int method_find(const struct ctl *ctl, enum api_noun noun, const char *name,
	const struct conf_item **ret, struct sh_err *err);

/** errors: also -EINVAL "port 'web1' is no uplink". */
int method_find_uplink(
	const struct ctl *ctl, const char *name, const struct conf_item **ret, struct sh_err *err);

/* One object of `list` and `show`. return: NULL when out of memory. */
json_t *method_bridge_object(const struct ctl *ctl, const struct conf_item *bridge);
json_t *method_portgroup_object(const struct ctl *ctl, const struct conf_item *group);
json_t *method_port_object(const struct ctl *ctl, const struct conf_item *port);
json_t *method_mirror_object(const struct ctl *ctl, const struct conf_item *mirror);

/** Of a port's or a device's object: what it has counted, drops by side. */
void method_set_counters(json_t *object, const struct dp_port_stats *stats);

static inline json_t *method_count(uint64_t n)
{
	return json_integer((json_int_t)n);
}

/** Of an uplink's object: what LLDP does there; dp may be NULL. */
void method_set_lldp(json_t *object, const struct ctl *ctl, const struct conf_item *port,
	const struct dp_port *dp);
/** How an uplink by XDP came to be used. */
void method_set_xdp(json_t *object, const struct dp_port_info *info);

/**
 * The hidden port of a team's device, which is named as configured or by its interface alone.
 *
 * errors:  -ENOENT (no such device), -ENODEV (it is not there now)
 */
int method_member(const struct dp_port *team, const char *device, const struct dp_port **ret,
	struct sh_err *err);

/** The devices of a team, as uplink.show has them. */
json_t *method_members(const struct ctl *ctl, const struct dp_port *team);

/** Of a device of a team: what it and its partner say by LACP, if they do. */
void method_set_lacp(
	json_t *object, const struct ctl *ctl, const struct dp_port *team, unsigned slot);

/** Array of the objects of a noun. */
json_t *method_objects(const struct ctl *ctl, enum api_noun noun);
json_t *method_worker_objects(const struct ctl *ctl);

/** What ofproto wrote, as a text; the buffer is done with. return: NULL when out of memory */
json_t *method_of_text(struct of_buf *buf);

/** errors: -EBUSY with who uses it. */
int method_check_unused(
	const struct ctl *ctl, enum api_noun noun, const char *name, struct sh_err *err);

method_fn method_item_add, method_item_set, method_item_del, method_item_list, method_item_show;
method_fn method_port_stats, method_uplink_neighbors;
method_fn method_uplink_list, method_uplink_show, method_uplink_add, method_uplink_del;
method_fn method_vm_start, method_vm_stop, method_vm_kill, method_vm_pause, method_vm_resume;
method_fn method_vm_info, method_vm_pin, method_vm_balloon, method_vm_snapshot, method_vm_restore;
method_fn method_fdb_list, method_fdb_add, method_fdb_del, method_fdb_flush;
method_fn method_flow_add, method_flow_del, method_trace;
method_fn method_flow_list, method_group_list, method_meter_list, method_table_list;
method_fn method_capture_start;
method_fn method_worker_list, method_worker_stats;
method_fn method_show, method_apply, method_config_show, method_log_set, method_version;
