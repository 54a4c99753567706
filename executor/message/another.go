package message

// Another is a lease of the same pool, with one reference: for what is made of the
// messages of several requests. Of a nil lease it is one that nothing bounds.
func (l *Lease) Another() *Lease {
	if l == nil {
		return new(Pool).Lease()
	}
	return l.pool.Lease()
}
