package meter

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"promoter/promoter"
)

// The control is the places that the gate is about and tells apart from all
// that the change has reached.
func TestControls(t *testing.T) {
	t.Parallel()
	q := question()
	q.Reached = append(q.Reached, promoter.Reached{Environment: "prod-3"})
	q.Control = append(q.Control, promoter.Reached{Environment: "prod-3", App: "api"}, promoter.Reached{Environment: "dev"})
	for n := range 20 {
		q.Control = append(q.Control, promoter.Reached{Environment: fmt.Sprintf("prod-%d", 10+n)})
	}
	m, err := New(Options{
		Gates: map[string]Gate{"errors": errorGate()}, Meters: map[string]Provider{"prom": &world{}},
		Concerns: func(gate string, at promoter.Reached) bool { return gate == "errors" && at.Environment != "dev" },
	})
	if err != nil {
		t.Fatal(err)
	}
	task := &task{Meter: m, gate: m.gates["errors"], q: q, at: q.Probes[0].At}
	var got []string
	for _, at := range task.controls() {
		got = append(got, cohort(at))
	}
	want := []string{"prod-2", "prod-10", "prod-11", "prod-12", "prod-13", "prod-14", "prod-15", "prod-16"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("controls (-want +got):\n%s", diff)
	}
}
