package settings

import (
	"fmt"
	"slices"
	"strings"
)

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
	canary := &reader{lookup: unset}
	canary.canary()
	for _, v := range canary.variables {
		if !reads(api, v.Name) {
			all = append(all, v)
		}
	}
	rotation := &reader{lookup: unset}
	rotation.rotation()
	all = append(all, rotation.variables...)
	var b strings.Builder
	b.WriteString("| variable | default | read by | meaning |\n|---|---|---|---|\n")
	for _, v := range all {
		by := "both"
		switch {
		case reads(archive.variables, v.Name):
			by = "archiver, `local`"
		case reads(canary.variables, v.Name) && reads(api, v.Name):
			by = "API, canary"
		case reads(canary.variables, v.Name):
			by = "canary"
		case reads(rotation.variables, v.Name):
			by = "rotation"
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
