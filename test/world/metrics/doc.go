// Package metrics is a Prometheus without targets: its HTTP API and its own
// query engine over series that are functions of time, of what runs where, and
// of rules that say how a version behaves.
//
// Nothing is scraped and nothing is kept. A sample of any time is computed
// anew from a seed, so the hours before the world began are there too, and two
// worlds of one seed tell the same. Counters only ever rise: rules and outages
// count from when they were made and change nothing that was.
//
// It answers instant and range queries and says whether it is ready. It
// refuses the rest of Prometheus' API.
package metrics
