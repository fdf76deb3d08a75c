/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_CONTAINER_H
#define RINGSPAN_CONTAINER_H

#include <stddef.h>

/*
 * Container: from an embedded object to the one around it. Backends embed what is common
 * (`struct port`, `struct rx_source`) and find their own part again with this.
 */
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#endif
