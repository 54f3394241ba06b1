package main
func (g graph) findings() []string { return nil }
func writeDiagram(root string) error { return nil }
