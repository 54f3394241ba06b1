package settings

import "slices"

// Variable is one variable of the environment.
type Variable struct {
	Name    string
	Default string // "": unset means that there is none
	Meaning string // Markdown
}

func unset(string) (string, bool) { return "", false }

// Variables are those that LoadAPI and LoadProcessor read, each once, in the order in which they are read.
func Variables() (api, processor []Variable) {
	a, p := &reader{lookup: unset}, &reader{lookup: unset}
	a.api()
	p.processor()
	once := func(all []Variable) (each []Variable) {
		for _, v := range all {
			if !slices.ContainsFunc(each, func(other Variable) bool { return other.Name == v.Name }) {
				each = append(each, v)
			}
		}
		return each
	}
	return once(a.variables), once(p.variables)
}
