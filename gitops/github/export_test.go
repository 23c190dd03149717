package github

// SetLimit sets how far back pulls are read.
func (f *Forge) SetLimit(n int) { f.limit = n }
