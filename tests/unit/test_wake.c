/* SPDX-License-Identifier: ISC */
#include "ringspan/clock.h"
#include "ringspan/wake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define US    UINT64_C(1000)
#define START (100 * NS_PER_SEC)

/* A thread with one ring, into which a frame comes every @gap_ns. What it does takes no time, but a
 * look takes @LOOK_NS. */
#define LOOK_NS UINT64_C(100)

struct thread {
    struct wake wake;
    uint64_t now;
    uint64_t gap_ns; /* 0: nothing comes */
    uint64_t next_at;
    uint32_t frame_bytes;
    uint64_t wakeup_ns;    /* from the frame that ends its sleep to its being awake */
    uint64_t longest_spin; /* time from one frame to going to sleep */
    uint64_t found_at;
    uint64_t n_looks;
};

static void thread_init(struct thread *thread, bool may_spin)
{
    *thread = (struct thread){.now = START, .frame_bytes = 60};
    wake_init(&thread->wake, may_spin, START);
}

static void send_at(struct thread *thread, uint64_t pps, uint32_t frame_bytes)
{
    thread->gap_ns = pps > 0 ? NS_PER_SEC / pps : 0;
    thread->next_at = thread->now + thread->gap_ns;
    thread->frame_bytes = frame_bytes;
}

static void take(struct thread *thread)
{
    uint32_t n = 0;

    while (thread->gap_ns > 0 && thread->next_at <= thread->now && n < 64) {
        thread->next_at += thread->gap_ns;
        n++;
    }
    if (n > 0)
        thread->found_at = thread->now;
    wake_note(&thread->wake, n, (uint64_t)n * thread->frame_bytes);
}

/* False if nothing will ever wake it. */
static bool wait_for_more(struct thread *thread)
{
    struct wake_wait wait = wake_next(&thread->wake, thread->now);

    switch (wait.action) {
    case WAKE_LOOK:
        thread->n_looks++;
        thread->now += LOOK_NS;
        return true;
    case WAKE_NAP:
        assert_true(wait.until > thread->now);
        thread->now = wait.until;
        break;
    case WAKE_SLEEP:
        if (thread->now - thread->found_at > thread->longest_spin)
            thread->longest_spin = thread->now - thread->found_at;
        if (thread->gap_ns == 0)
            return false;
        if (thread->next_at > thread->now)
            thread->now = thread->next_at + thread->wakeup_ns;
        break;
    }
    wake_waited(&thread->wake, thread->now);
    return true;
}

/* What it did meanwhile, as counters. */
static struct wake_counters run_for(struct thread *thread, uint64_t ns)
{
    struct wake_counters before = thread->wake.counters;
    uint64_t end = thread->now + ns;
    struct wake_counters *after = &thread->wake.counters;

    thread->n_looks = 0;
    thread->longest_spin = 0;
    while (thread->now < end && wait_for_more(thread))
        take(thread);
    return (struct wake_counters){
        .sleeps = after->sleeps - before.sleeps,
        .naps = after->naps - before.naps,
        .spins = after->spins - before.spins,
        .idle_ns = after->idle_ns - before.idle_ns,
    };
}

static void test_without_frames_it_sleeps_for_good(void **state)
{
    struct thread thread;
    struct wake_counters did;

    thread_init(&thread, true);
    did = run_for(&thread, NS_PER_SEC);
    assert_int_equal(thread.now, START);
    assert_int_equal(did.sleeps, 1);
    assert_int_equal(did.naps + did.spins + thread.n_looks, 0);
}

static void test_few_frames_wake_it_each(void **state)
{
    struct thread thread;
    struct wake_counters did;

    thread_init(&thread, true);
    send_at(&thread, 5000, 60);
    did = run_for(&thread, NS_PER_SEC);
    assert_in_range(did.sleeps, 4999, 5001);
    assert_int_equal(did.naps + did.spins, 0);
    assert_in_range(thread.n_looks, 4999, 5001); /* one more after each, no two */
    assert_int_equal(thread.wake.regime, WAKE_COLD);
}

static void test_many_small_frames_are_taken_in_naps(void **state)
{
    struct thread thread;
    struct wake_counters did;

    thread_init(&thread, true);
    send_at(&thread, 100000, 60);
    run_for(&thread, 10 * NS_PER_MS);
    assert_int_equal(thread.wake.regime, WAKE_WARM);
    did = run_for(&thread, NS_PER_SEC);
    assert_int_equal(did.sleeps, 0);
    assert_int_equal(did.spins, 0);
    assert_in_range(did.naps, 3900, 4001);
    assert_in_range(did.idle_ns, NS_PER_SEC * 98 / 100, NS_PER_SEC);
}

static void test_many_bytes_do_not_wait_for_a_nap(void **state)
{
    struct thread thread;
    struct wake_counters did;

    thread_init(&thread, true);
    send_at(&thread, 80000, 1514); /* 121 MB a second */
    did = run_for(&thread, NS_PER_SEC);
    assert_int_equal(thread.wake.regime, WAKE_COLD);
    assert_int_equal(did.naps, 0);
}

static void test_superframes_are_hot(void **state)
{
    struct thread thread;
    struct wake_counters did;

    thread_init(&thread, true);
    send_at(&thread, 2000, 65226); /* 130 MB a second */
    run_for(&thread, 20 * NS_PER_MS);
    assert_int_equal(thread.wake.regime, WAKE_COLD);
    send_at(&thread, 20000, 65226);
    run_for(&thread, 20 * NS_PER_MS);
    assert_int_equal(thread.wake.regime, WAKE_HOT);
    did = run_for(&thread, NS_PER_SEC);
    assert_in_range(did.spins, 19000, 20001);
    assert_int_equal(did.sleeps, 0);
    send_at(&thread, 2000, 65226);
    run_for(&thread, 20 * NS_PER_MS);
    assert_int_equal(thread.wake.regime, WAKE_HOT);
    send_at(&thread, 1000, 65226);
    run_for(&thread, 20 * NS_PER_MS);
    assert_int_equal(thread.wake.regime, WAKE_COLD);
}

/* Four stations, each of which sends its next request when the last one was taken. */
static void take_requests(struct thread *thread)
{
    wake_note(&thread->wake, 4, 4 * 60);
    thread->found_at = thread->now;
    thread->next_at = thread->now + 40 * US;
}

static void test_naps_end_if_they_keep_senders_waiting(void **state)
{
    struct thread thread;
    uint64_t n_taken = 0;

    thread_init(&thread, true);
    send_at(&thread, 25000, 60);
    while (thread.now < START + NS_PER_SEC) {
        if (thread.next_at <= thread.now) {
            take_requests(&thread);
            n_taken += 4;
        }
        assert_true(wait_for_more(&thread));
    }
    /* Tried at once, and after 100, 300 and 700 ms. */
    assert_in_range(thread.wake.counters.naps, 4 * 6, 4 * 10);
    assert_in_range(n_taken, 98000, 100000);
}

/* Two stations, one of which has a frame at a time for the other, which answers. Returns how many
 * frames crossed. */
static uint64_t exchange_for(struct thread *thread, uint64_t ns)
{
    uint64_t end = thread->now + ns;
    uint64_t n = 0;

    thread->gap_ns = 35 * US;
    while (thread->now < end) {
        if (thread->next_at <= thread->now) {
            wake_note(&thread->wake, 1, 60);
            thread->found_at = thread->now;
            thread->next_at = thread->now + thread->gap_ns;
            n++;
        }
        wait_for_more(thread);
    }
    return n;
}

static void test_answers_are_waited_for(void **state)
{
    struct thread thread;
    struct wake_counters before;

    thread_init(&thread, true);
    thread.wakeup_ns = 30 * US;
    assert_in_range(exchange_for(&thread, 8 * NS_PER_MS), 120, 125);
    exchange_for(&thread, 20 * NS_PER_MS);
    before = thread.wake.counters;
    assert_in_range(exchange_for(&thread, 900 * NS_PER_MS), 25500, 25800);
    assert_int_equal(thread.wake.counters.sleeps, before.sleeps);
    assert_int_equal(thread.wake.regime, WAKE_COLD);
    /* Now and then without, to see whether it still pays: and it goes on. */
    assert_in_range(exchange_for(&thread, 2 * NS_PER_SEC), 56400, 57200);
    assert_in_range(thread.wake.counters.sleeps - before.sleeps, 2 * 100, 2 * 180);
}

static void test_patience_ends_with_the_frames(void **state)
{
    struct thread thread;
    struct wake_counters did;

    thread_init(&thread, true);
    thread.wakeup_ns = 30 * US;
    exchange_for(&thread, 100 * NS_PER_MS);
    send_at(&thread, 0, 60);
    did = run_for(&thread, NS_PER_SEC);
    assert_int_equal(did.sleeps, 1);
    assert_int_equal(did.naps, 0);
    assert_in_range(thread.longest_spin, 50 * US, 60 * US);
}

static void test_senders_that_come_anyhow_are_slept_for(void **state)
{
    struct thread thread;
    struct wake_counters did;

    thread_init(&thread, true);
    thread.wakeup_ns = 5 * US;
    send_at(&thread, 25000, 60);
    did = run_for(&thread, NS_PER_SEC);
    /* Tried at once, and after 100, 300 and 700 ms. */
    assert_in_range(did.spins, 4 * 190, 4 * 260);
    assert_in_range(did.sleeps, 23900, 24300);
}

static void test_patience_that_no_longer_pays_ends(void **state)
{
    struct thread thread;
    struct wake_counters did;

    thread_init(&thread, true);
    thread.wakeup_ns = 30 * US;
    exchange_for(&thread, 100 * NS_PER_MS);
    send_at(&thread, 25000, 60);
    run_for(&thread, NS_PER_SEC + 100 * NS_PER_MS);
    did = run_for(&thread, 300 * NS_PER_MS);
    assert_in_range(did.spins, 0, 2 * 260);
}

static void test_patience_ends_with_the_other_cpus(void **state)
{
    struct thread thread;
    uint64_t spins;

    thread_init(&thread, true);
    thread.wakeup_ns = 30 * US;
    exchange_for(&thread, 100 * NS_PER_MS);
    wake_set_may_spin(&thread.wake, false);
    spins = thread.wake.counters.spins;
    exchange_for(&thread, 100 * NS_PER_MS);
    assert_int_equal(thread.wake.counters.spins, spins);
}

static void test_a_flood_keeps_it_looking(void **state)
{
    struct thread thread;
    struct wake_counters did;

    thread_init(&thread, true);
    send_at(&thread, 500000, 60);
    run_for(&thread, 10 * NS_PER_MS);
    assert_int_equal(thread.wake.regime, WAKE_HOT);
    did = run_for(&thread, NS_PER_SEC);
    assert_int_equal(did.sleeps, 0);
    assert_int_equal(did.idle_ns, 0);
    assert_in_range(did.spins, 1, 500000);
}

static void test_a_spin_is_bounded(void **state)
{
    struct thread thread;
    struct wake_counters did;

    thread_init(&thread, true);
    send_at(&thread, 500000, 60);
    run_for(&thread, 10 * NS_PER_MS);
    send_at(&thread, 0, 60);
    did = run_for(&thread, NS_PER_SEC);
    assert_int_equal(did.spins, 1);
    assert_int_equal(did.naps, 1);
    assert_int_equal(did.sleeps, 1);
    assert_in_range(thread.longest_spin, 15 * US, 100 * US);
}

static void test_a_nap_that_finds_nothing_ends_in_sleep(void **state)
{
    struct thread thread;
    struct wake_counters did;

    thread_init(&thread, true);
    send_at(&thread, 100000, 60);
    run_for(&thread, 10 * NS_PER_MS);
    send_at(&thread, 0, 60);
    did = run_for(&thread, NS_PER_SEC);
    assert_int_equal(did.sleeps, 1);
    assert_in_range(did.naps, 0, 1);
}

static void test_after_a_pause_it_is_cold(void **state)
{
    struct thread thread;

    thread_init(&thread, true);
    send_at(&thread, 500000, 60);
    run_for(&thread, 10 * NS_PER_MS);
    send_at(&thread, 0, 60);
    run_for(&thread, NS_PER_SEC);
    thread.now += NS_PER_SEC;
    send_at(&thread, 1000, 60);
    run_for(&thread, 2 * NS_PER_MS);
    assert_int_equal(thread.wake.regime, WAKE_COLD);
}

static void test_a_regime_is_not_left_as_soon_as_it_was_entered(void **state)
{
    struct thread thread;

    thread_init(&thread, true);
    send_at(&thread, 65000, 60); /* between the two levels */
    run_for(&thread, 10 * NS_PER_MS);
    assert_int_equal(thread.wake.regime, WAKE_COLD);
    send_at(&thread, 100000, 60);
    run_for(&thread, 10 * NS_PER_MS);
    assert_int_equal(thread.wake.regime, WAKE_WARM);
    send_at(&thread, 65000, 60);
    run_for(&thread, 10 * NS_PER_MS);
    assert_int_equal(thread.wake.regime, WAKE_WARM);
    send_at(&thread, 40000, 60);
    run_for(&thread, 10 * NS_PER_MS);
    assert_int_equal(thread.wake.regime, WAKE_COLD);
}

static void test_on_one_cpu_it_never_spins(void **state)
{
    struct thread thread;
    struct wake_counters did;

    thread_init(&thread, false);
    send_at(&thread, 400000, 60);
    run_for(&thread, 10 * NS_PER_MS);
    assert_int_equal(thread.wake.regime, WAKE_WARM);
    did = run_for(&thread, NS_PER_SEC);
    assert_int_equal(did.spins, 0);
    exchange_for(&thread, NS_PER_SEC);
    assert_int_equal(thread.wake.counters.spins, 0);
    send_at(&thread, 400000, 60);
    wake_set_may_spin(&thread.wake, true);
    did = run_for(&thread, NS_PER_SEC);
    assert_in_range(did.spins, 1, 500000);
}

static void test_a_short_ring_is_not_napped_over(void **state)
{
    struct thread thread;
    struct wake_counters did;

    thread_init(&thread, true);
    wake_note_ring(&thread.wake, 64);
    wake_note_ring(&thread.wake, 8192);
    send_at(&thread, 150000, 60); /* 37 in a nap */
    did = run_for(&thread, NS_PER_SEC);
    assert_int_equal(did.naps, 0);
    send_at(&thread, 100000, 60);
    did = run_for(&thread, NS_PER_SEC);
    assert_in_range(did.naps, 3900, 4001);
}

static void test_names(void **state)
{
    assert_string_equal(wake_regime_name(WAKE_COLD), "cold");
    assert_string_equal(wake_regime_name(WAKE_WARM), "warm");
    assert_string_equal(wake_regime_name(WAKE_HOT), "hot");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_frames_it_sleeps_for_good),
        cmocka_unit_test(test_few_frames_wake_it_each),
        cmocka_unit_test(test_many_small_frames_are_taken_in_naps),
        cmocka_unit_test(test_many_bytes_do_not_wait_for_a_nap),
        cmocka_unit_test(test_superframes_are_hot),
        cmocka_unit_test(test_naps_end_if_they_keep_senders_waiting),
        cmocka_unit_test(test_answers_are_waited_for),
        cmocka_unit_test(test_patience_ends_with_the_frames),
        cmocka_unit_test(test_senders_that_come_anyhow_are_slept_for),
        cmocka_unit_test(test_patience_that_no_longer_pays_ends),
        cmocka_unit_test(test_patience_ends_with_the_other_cpus),
        cmocka_unit_test(test_a_flood_keeps_it_looking),
        cmocka_unit_test(test_a_spin_is_bounded),
        cmocka_unit_test(test_a_nap_that_finds_nothing_ends_in_sleep),
        cmocka_unit_test(test_after_a_pause_it_is_cold),
        cmocka_unit_test(test_a_regime_is_not_left_as_soon_as_it_was_entered),
        cmocka_unit_test(test_on_one_cpu_it_never_spins),
        cmocka_unit_test(test_a_short_ring_is_not_napped_over),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
