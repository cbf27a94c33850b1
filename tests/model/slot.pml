/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The slot protocol of bpf/slot.h and bpf/open.h: two CPUs open the flow of one key while a third
 * opens another key's (and may evict) or expires flows, in three slots that are all everybody's
 * candidates. Each access to a word of memory is a step of its own; the steps interleave in every
 * order. (Sequentially consistent: all writes here are locked instructions on x86.)
 *
 * All live meta words are the same number: a compare-and-swap cannot tell one flow's from
 * another's, as in DSR with one backend.
 *
 * Checked: a key has one live slot at most; its tickets are never more than one and those whose
 * flows were taken away; no flow that has a ticket is lost otherwise.
 *
 * With -DNO_RESCAN, -DNO_GIVE_BACK or -DNO_WAIT a step of the protocol is left out, and
 * the model must find it wrong.
 */
#define SLOTS 3
#define ATTEMPTS 3 /* OPEN_ATTEMPTS is 4; fewer states */
#define LOOKS 2	   /* OPEN_WAIT_READS is 64 */

#define EMPTY 0
#define LIVE 1
#define CLAIM (10 + _pid)
#define IS_CLAIM(meta) (meta >= 10)

#define STRANGER 0 /* keys; nobody opens the stranger's */
#define KEYS 3

byte key[SLOTS], meta[SLOTS];
byte tickets[KEYS], taken[KEYS]; /* taken: live flows of that key that were evicted or expired */
byte running;

mtype = { AGAIN, PENDING, WON, FOUND, LOST, FULL };

/* Any slot may hold a stranger's flow, which may be taken, or be empty, with whatever key its last
 * flow left. */
init
{
	byte n = 0;

	do
	:: n < SLOTS ->
		if
		:: meta[n] = LIVE; key[n] = STRANGER
		:: meta[n] = EMPTY; key[n] = STRANGER
		:: meta[n] = EMPTY; key[n] = 1
		fi;
		n++
	:: else -> break
	od;
	atomic {
		running = 3;
		run opener(1);
		run opener(1);
		if
		:: run opener(2)
		:: run sweeper()
		fi
	}
	(running == 0);
	for (n : 1 .. KEYS - 1) {
		byte live = 0, slot;

		for (slot : 0 .. SLOTS - 1) {
			if
			:: key[slot] == n && meta[slot] == LIVE -> live++
			:: else
			fi
		}
		assert(live <= 1);
		assert(live + taken[n] == tickets[n])
	}
	for (n : 0 .. SLOTS - 1) {
		assert(!IS_CLAIM(meta[n])) /* nothing stays claimed */
	}
}

/* The controller: whatever is live, has expired. */
proctype sweeper()
{
	byte n;

	for (n : 0 .. SLOTS - 1) {
		if
		:: d_step { meta[n] == LIVE -> meta[n] = EMPTY; taken[key[n]]++ }
		:: skip
		fi
	}
	running--
}

/* Does a live slot have the key? The key is read again after the meta word. */
inline flow_lookup()
{
	found = false;
	for (n : 0 .. SLOTS - 1) {
		if
		:: key[n] == mine ->
			if
			:: meta[n] == LIVE ->
				if
				:: key[n] == mine -> found = true; break
				:: else
				fi
			:: else
			fi
		:: else
		fi
	}
	n = 0
}

/* An empty slot, or any live one: which is the best does not matter here, so all are tried. */
inline flow_victim()
{
	victim = SLOTS;
	before = EMPTY;
	for (n : 0 .. SLOTS - 1) {
		if
		:: meta[n] == EMPTY -> victim = n; break
		:: else
		fi
	}
	n = 0;
	if
	:: victim == SLOTS ->
		select (victim : 0 .. SLOTS - 1);
		before = meta[victim]; /* read again, as there */
		if
		:: before == EMPTY || before == LIVE -> contest = WON
		:: else -> contest = AGAIN
		fi
	:: else -> contest = WON
	fi
}

inline slot_claim()
{
	d_step {
		if
		:: meta[victim] == before ->
			meta[victim] = CLAIM;
			if
			:: before == LIVE -> taken[key[victim]]++
			:: else
			fi
		:: else -> contest = AGAIN
		fi
	}
	if
#ifndef NO_GIVE_BACK
	:: contest == WON && before == LIVE && key[victim] == mine ->
		d_step { meta[victim] = before; taken[mine]-- }
		contest = AGAIN
#endif
	:: else ->
		if
		:: contest == WON ->
			assert(before == EMPTY || key[victim] != mine); /* or a second ticket follows */
			key[victim] = mine
		:: else
		fi
	fi
}

inline rivals_scan()
{
	contest = WON;
#ifndef NO_RESCAN
	for (n : 0 .. SLOTS - 1) {
		if
		:: n != victim && key[n] == mine ->
			seen = meta[n];
			if
			:: seen == LIVE -> contest = FOUND; break
#ifdef NO_WAIT
			:: IS_CLAIM(seen) && n < victim -> contest = LOST; break
			:: IS_CLAIM(seen) && n > victim
#else
			:: IS_CLAIM(seen) && n < victim -> contest = LOST; break
			:: IS_CLAIM(seen) && n > victim -> contest = PENDING; break
#endif
			:: seen == EMPTY
			fi
		:: else
		fi
	}
	n = 0; /* and what was seen: states that differ in nothing that matters are one */
	seen = 0;
#endif
}

inline publish()
{
	tickets[mine]++;
	assert(tickets[mine] <= 1 + taken[mine]);
	assert(meta[victim] == CLAIM && key[victim] == mine);
	meta[victim] = LIVE
}

proctype opener(byte mine)
{
	byte n, victim, before, seen, attempt, look;
	bool found;
	mtype contest = AGAIN;

	flow_lookup();
	if
	:: found -> contest = FOUND
	:: else
	fi;
	attempt = 0;
	do
	:: contest == AGAIN && attempt < ATTEMPTS ->
		if
		:: attempt > 0 -> flow_lookup()
		:: else
		fi;
		if
		:: found -> contest = FOUND
		:: else ->
			flow_victim();
			if
			:: contest == WON -> slot_claim()
			:: else
			fi;
			if
			:: contest == WON -> rivals_scan(); look = 0;
				do
				:: contest == PENDING && look < LOOKS -> rivals_scan(); look++
				:: else -> break
				od;
				if
				:: contest == WON -> publish()
				:: else -> meta[victim] = EMPTY
				fi
			:: else
			fi
		fi;
		attempt++
	:: else -> break
	od;
	victim = 0;
	before = 0;
	attempt = 0;
	contest = LOST;
	found = false;
	running--
}
