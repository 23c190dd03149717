package scan

import "testing"

func TestSettled(t *testing.T) {
	t.Parallel()
	const second = int64(1e9)
	tests := []struct {
		name         string
		mtime, ctime int64
		want         bool
	}{
		{"long before", 10*second + 1, 10*second + 2, true},
		{"the tick before", 99*second + 4, 99*second + 4, true},
		{"the same tick", 99*second + 5, 99*second + 1, false},
		{"the same tick, time set back", 10*second + 1, 99*second + 5, false},
		{"later", 200*second + 1, 99*second + 1, false},
		{"no ctime", 10*second + 1, 0, true},
		{"whole seconds, long before", 10 * second, 11 * second, true},
		{"whole seconds, the second before", 98 * second, 10 * second, false},
		{"whole seconds of ctime", 10 * second, 98 * second, false},
	}
	for _, tt := range tests {
		s := stamp{mtime: tt.mtime, ctime: tt.ctime}
		if got := s.settled(99*second + 5); got != tt.want {
			t.Errorf("%s: settled is %v, want %v", tt.name, got, tt.want)
		}
	}
}
