// Package scenario tells stories of rollouts and holds decisions to them. A
// scenario is a text file: a world, what happens in it at which virtual time,
// and what is expected of Promoter, in its own words. Nothing is waited for:
// a day passes in microseconds, and the same file gives the same answer.
//
// It refuses to help a decision along. Every look is made by a process that
// knows nothing but the world; actions are executed with the guards of the
// real executor; and a scenario fails, whatever it expects, when an effect
// happens twice, when a merge brings anything else than its pull request
// showed, when an environment of a later wave is reached early, when nothing is
// said of a pin, when the same facts in another order give another decision, or
// when there is no rest after 60 looks.
//
// # The file
//
// Text before the first section says what the scenario is about. Its lines
// "laws: 6, 9" and "case: telemetry blackout" are counted by tests. Then come
// the sections, each under a line "-- name --":
//
//	-- promoter.yaml --      the configuration; without it, the user's own
//	-- world --              what there is when the story begins
//	-- story --              what happens, and what is expected
//
// A "#" before a space begins a comment. Reasons are in "quotes". Times are
// 90s, 5m, 2h, 3d. A place is ENVIRONMENT/APP or ENVIRONMENT/TENANT/APP or
// ENVIRONMENT/CLUSTER/APP; * stands for any text in a part. Whatever says
// "at VERSION" holds only while that version is what the place reads.
//
// # The world
//
//	start 2026-11-23 08:00                         the story's 0s, UTC; this Monday when absent
//	chart redis 17.0.0 in dev, staging             a pin in each environment; also image and git
//	chart redis 17.0.0 in prod tenant acme cluster eu app cache file prod/redis.yaml from https://charts.acme.com
//	chart redis 17.0.0 file base/redis.yaml reaches dev, prod
//	upstream redis 17.0.0 17.1.0                   versions that are out besides those that are pinned
//	gate errors per environment in prod-* takes 10m    besides those that are configured
//	merge queue                                    the repository merges through one
//
// A gate passes as soon as it has looked for as long as it takes: what is
// configured as its minDuration, unless the world says otherwise.
//
// # The story
//
// Each line is a step; "at 10m" before one lets the time pass until then, as
// wait does.
//
//	run                                  look and act until nothing is to be done
//	wait 10m                             let time pass; look whenever a decision asked to be woken, and in the end
//	sleep 10m                            let time pass, while Promoter is down
//	crash after 2                        look once, and die after so many actions
//	meanwhile STEP                       do it between the next decision and its first action
//	release redis 18.2.0                 it comes out upstream; withdraw takes it away
//	upstream redis unknown "429"         its list cannot be had; upstream redis answers
//	file dev/redis.yaml unreadable       or readable
//	freeze "christmas" for 2h            from now on
//
//	app staging/redis healthy            which is where all begin: on a merge, it converges in a minute
//	app staging/redis converges after 5m
//	app staging/redis at 18.2.0 degraded "CrashLoopBackOff" attributable
//	app staging/redis pending "…"        also blind, blocked, stuck, superseded, rewritten
//	app staging/redis gone               the engine says nothing of it
//	gate errors staging/redis pass       or: pass after 10m
//	gate errors */redis at 18.2.0 fail "0.12 > 0.01 in 3 of 5"    with or without: after 5m
//	gate errors staging/* unknown "no data"                       also hold
//
//	person merges #3                     also closes, reopens, pushes to, rewrites; person ana merges #3 names her
//	person approves #3                   or objects to #3
//	person labels #3 promoter/hold       or unlabels
//	person comments "/promoter stop" on #3
//	person guest comments "/promoter stop" on #3 denied "guest may only read"
//	person sets staging/redis to 17.0.0
//	person closes issue #5
//	person opens issue "Promoter is stopped tenant=acme"
//
//	clock skews 70s                      the forge's clock is ahead of ours; -70s: behind
//	forge fails "502"                    pull requests cannot be read; also: forge talk fails, forge seals fail
//	forge denies merges "403"            also pushes, pulls, statuses, comments, labels, issues
//	forge is silent                      it keeps no comments and issues for us
//	forge merges its queue
//	forge answers                        all is well again
//
// # What is expected
//
// The lines that follow, indented, must be just what there is; "nothing" stands
// for none. An update writes them anew.
//
//	expect actions            done since the last "expect actions", each with its time
//	expect actions merge open only those
//	expect lines              what the last decision says; of production only: expect lines production
//	expect evidence staging   what those lines rest on
//	expect pulls              all pull requests
//	expect edits #3           what one changes
//	expect statuses           what is written on their commits; expect statuses #3
//	expect comments #3        ours
//	expect issues
//	expect pins               what the base branch reads; expect pins production
//	expect file dev/redis.yaml
//	expect wake               when the last decision asks to be woken
package scenario
