// Command replicas measures several processes of `promoter serve` that share
// many repositories by Kubernetes leases, one of which is killed with the
// signal that cannot be caught, in the middle of a release's way through all
// repositories. It prints, as Markdown, who led how many repositories before
// and after, how long it took until others did the dead one's work, what each
// process cost, and whether anything was done twice or by two at once.
//
// The processes are the real binary with its usual lease times; the forge, the
// engines, the chart repository and the API of the leases are servers on
// loopback, in this process.
//
// It refuses to ask the processes how they are: what they did is what the forge
// was asked for, and by whom, and what stands there in the end.
package main
