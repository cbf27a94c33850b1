/* SPDX-License-Identifier: GPL-2.0 */
/* Limits that the data plane and the controller must agree on. */
#ifndef LBX_LIMITS_H
#define LBX_LIMITS_H

#define LBX_MAX_SERVICES 4096	      /* ids 1..4095; id 0 is "no service" */
#define LBX_MAX_BACKENDS 16384	      /* ids 1..16383, over all services; id 0 is "no backend" */
#define LBX_MAX_INTERFACES 16	      /* 4 bits in a reverse slot */
#define LBX_MAX_SNATS 16	      /* per address family; 4 bits in a flow slot */
#define LBX_SCHEDULE_MAX 4096	      /* entries of one schedule */
#define LBX_BACKENDS_PER_SERVICE 1024 /* every backend keeps a resolution of 4 entries */
#define LBX_WEIGHT_MAX 1000
#define LBX_NAME_MAX 64 /* bytes of a service's name, without the NUL */

#define LBX_HOPS 65536	    /* 16 bits in a flow slot; index 0: none */
#define LBX_NAT_SHARED 4    /* services of mode nat that may share one backend's endpoint */
#define LBX_GUE_PORT 6080   /* IANA's; the default of a backend's tunnel port */
#define LBX_FRAGMENTS 16384 /* fragmented datagrams remembered at a time */

#define LBX_SERVICE_CACHE 256 /* slots; a power of two */

#define LBX_FLOWS_DEFAULT (1U << 20)
#define LBX_FLOWS_MIN (1U << 10)
#define LBX_FLOWS_MAX (1U << 27)
#define LBX_PORT_LO_DEFAULT 10000 /* translated ports: below ip_local_port_range (32768) */
#define LBX_PORT_HI_DEFAULT 32767
#define LBX_PORT_TRIES 16 /* ports tried for one flow before it is dropped */

#endif
