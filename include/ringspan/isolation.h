/* SPDX-License-Identifier: ISC */
#ifndef RINGSPAN_ISOLATION_H
#define RINGSPAN_ISOLATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Isolation: a port's interface belongs to the lab, and this host's own stack is not in it.
 *
 * What arrives is dropped behind the packet taps: our ring has its copy, tcpdump sees it, and ARP,
 * IP, connection tracking, bridges, macvlans and firewalls of the host do not. What the host itself
 * would send (ARP, DHCP, IPv6's own chatter) is dropped before it leaves; only frames from our
 * sockets pass. They are told apart by a mark (SO_MARK), a random number of this process, which is
 * cleared as the frame passes, so that whoever looks at marks behind that never sees it.
 *
 * Everything hangs on file descriptors. Whatever ends the process, nothing of it is left, and there
 * is nothing that the next start would have to recognise; no sysctl is touched. In order of
 * preference:
 *
 *   tcx                two programs of a few instructions, on the interface's ingress and egress as
 *                      links (Linux 6.6; needs CAP_BPF and CAP_NET_ADMIN in the initial namespace).
 *                      Ours is the last on ingress, so that programs that were there first go on
 *                      seeing what arrives, and the first on egress, so that none sees the mark.
 *                      A frame that is sent past the qdisc passes no program: no mark is needed.
 *   nftables           a table of the netdev family that is owned by its netlink socket, one in
 *                      each namespace, with a chain for each interface and direction (Linux 5.16;
 *                      needs CAP_NET_ADMIN in the namespace).
 *   nftables_ingress   the same without the chain for egress (Linux 5.12): the host hears nothing,
 *                      but may be heard.
 *
 * A tcx link holds the RTNL lock while it waits for RCU, twice for each port, some 30 ms in all
 * when it is made and as much when it goes, and threads do not help; chains of a table are made and
 * gone in a fraction of one. So among many ports nftables comes first, although it costs each frame
 * that the port sends 0.3 us, where tcx costs less than a tenth of one.
 *
 * The functions work in the calling thread's network namespace (but isolation_detach() in any), may
 * block, and may be called by several threads at once.
 */

enum isolation_means {
    ISOLATION_NONE,
    ISOLATION_NFTABLES_INGRESS,
    ISOLATION_NFTABLES,
    ISOLATION_TCX,
    ISOLATION_N_MEANS,
};

#define ISOLATION_BIT(means) (1u << (means))
#define ISOLATION_ALL_MEANS  UINT32_MAX

/* What a process has once: its mark, its programs and its tables, made when first needed. */
struct isolator;
struct nft_space;

/* Of one interface. */
struct isolation {
    enum isolation_means means;
    struct isolator *isolator;
    int links[2];            /* tcx; else -1 */
    struct nft_space *space; /* nftables */
    uint32_t ifindex;
};

#define ISOLATION_WHY_SIZE 160

/** @means: which may be used, ISOLATION_BIT()s; ISOLATION_ALL_MEANS but for tests. 0 or -errno. */
int isolator_new(uint32_t means, struct isolator **ret);
/** No interface is isolated by it any more. NULL is fine. */
void isolator_free(struct isolator *isolator);
/** What the sockets whose frames shall pass have as SO_MARK, before isolation_attach(). */
uint32_t isolator_mark(const struct isolator *isolator);

/** No isolation. */
void isolation_init(struct isolation *isolation);
/**
 * Isolates an interface by the best means that works, which for @is_one_of_many is nftables. 0;
 * -ENODEV if there is no such interface; or the errno of the means that was tried last, and then
 * nothing is isolated. @ret_why: why better means do not work, "" if they do, ISOLATION_WHY_SIZE
 * bytes.
 */
int isolation_attach(struct isolation *isolation, struct isolator *isolator, uint32_t ifindex,
                     bool is_one_of_many, char *ret_why);
/** Nothing is left of it. Any number of times. */
void isolation_detach(struct isolation *isolation);

/** "tcx", "nftables", "nftables_ingress", "none". */
const char *isolation_means_name(enum isolation_means means);
/** Whether the host neither hears nor is heard. */
bool isolation_is_complete(enum isolation_means means);

#endif
