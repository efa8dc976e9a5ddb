/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A guest may shrink the file that its memory is in while the switch uses it; the kernel answers
 * the next access with SIGBUS. The guest shall lose its port by that, and the switch nothing.
 */
#pragma once

struct vhost;

/* The guests whose memory this thread is about to touch: the sender's, the receiver's. */
extern _Thread_local struct vhost *dp_sigbus_guests[2];

/** Take over SIGBUS. thread: control, before the workers start. */
void dp_sigbus_install(void);
