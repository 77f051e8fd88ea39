package realtime

// Stats are what a node holds now.
type Stats struct{ Sessions, Users, Scopes int }

// Stats counts what the node holds now.
func (n *Node) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return Stats{Sessions: len(n.sessions), Users: len(n.users), Scopes: len(n.scopes)}
}
