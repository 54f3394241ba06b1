package settings

import (
	"fmt"
	"slices"
	"strings"
)

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

// Table is the variables as the README shows them.
func Table() string {
	api, processor := Variables()
	reads := func(by []Variable, name string) bool {
		return slices.ContainsFunc(by, func(v Variable) bool { return v.Name == name })
	}
	all := slices.Clone(api)
	for _, v := range processor {
		if !reads(api, v.Name) {
			all = append(all, v)
		}
	}
	archive := &reader{lookup: unset}
	archive.archive()
	all = append(all, archive.variables...)
	var b strings.Builder
	b.WriteString("| variable | default | read by | meaning |\n|---|---|---|---|\n")
	for _, v := range all {
		by := "both"
		switch {
		case reads(archive.variables, v.Name):
			by = "archiver, `local`"
		case !reads(processor, v.Name):
			by = "API"
		case !reads(api, v.Name):
			by = "processor"
		}
		def := ""
		if v.Default != "" {
			def = " `" + v.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` |%s | %s | %s |\n", v.Name, def, by, v.Meaning)
	}
	return b.String()
}
