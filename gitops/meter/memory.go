package meter

// memory keeps the newest of what it is given, up to a number. Its owner locks.
type memory[K comparable, V any] struct {
	most  int
	kept  map[K]V
	order []K // as they came; a ring once it is full
	next  int
}

func newMemory[K comparable, V any](most int) *memory[K, V] {
	return &memory[K, V]{most: most, kept: map[K]V{}}
}

func (m *memory[K, V]) get(k K) (V, bool) {
	v, ok := m.kept[k]
	return v, ok
}

func (m *memory[K, V]) put(k K, v V) {
	if _, ok := m.kept[k]; !ok {
		if len(m.order) < m.most {
			m.order = append(m.order, k)
		} else {
			delete(m.kept, m.order[m.next])
			m.order[m.next] = k
			m.next = (m.next + 1) % m.most
		}
	}
	m.kept[k] = v
}
