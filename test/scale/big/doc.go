// Command big measures Promoter where there is very much of one thing: commits
// and files of a repository, manifests, Applications behind one API of Argo CD.
// It makes what it measures on, in directories of its own that it removes, and
// serves it on loopback; it prints rows of a table in Markdown.
//
//	go run ./test/scale/big watch
//	go run ./test/scale/big repository
//	go run ./test/scale/big manifests
//
// What is measured is always a process of its own: its CPU time, with that of
// the processes that it starts, and its peak memory are the kernel's figures,
// and those of the servers are not in them. It judges nothing and has no limits:
// the figures are for people.
package main
