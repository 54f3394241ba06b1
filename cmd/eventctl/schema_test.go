package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// schemaFolder has a schema and, in released/, the copy of before.
func schemaFolder(t *testing.T, released, updated string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "released"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"released/order.placed.json": released, "order.placed.json": updated,
		"order.new.json": `{}`} {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSchemaCheckTellsWhatAChangeBreaksAndForWhom(t *testing.T) {
	const loose, tight = `{"properties":{"n":{"maximum":9}}}`, `{"properties":{"n":{"maximum":5}}}`
	for _, c := range []struct {
		released, updated, mode, want string
		breaks                        bool
	}{
		{loose, tight, "backward", "backward: #/properties/n: maximum is 5 now", true},
		{loose, tight, "forward", "forward compatible", false},
		{tight, loose, "backward", "backward compatible", false},
		{tight, loose, "forward", "forward: #/properties/n: maximum is 5 now", true},
		{tight, loose, "full", "forward: #/properties/n: maximum is 5 now", true},
		{loose, loose, "full", "full compatible", false},
	} {
		dir := schemaFolder(t, c.released, c.updated)
		for name, args := range map[string][]string{
			"check": {"schema", "check", "--dir", dir, "--mode", c.mode},
			"diff": {"schema", "diff", filepath.Join(dir, "released/order.placed.json"),
				filepath.Join(dir, "order.placed.json"), "--mode", c.mode},
		} {
			out, err := run(t, "", args...)
			if errors.Is(err, errBreaks) != c.breaks || !c.breaks && err != nil || !strings.Contains(out, c.want) {
				t.Errorf("%s %s of %s to %s: %q, %v", name, c.mode, c.released, c.updated, out, err)
			}
		}
	}
}

func TestSchemaCheckRefusesWhatItCannotCompare(t *testing.T) {
	for name, args := range map[string][]string{
		"a mode that there is not":       {"schema", "check", "--dir", schemaFolder(t, `{}`, `{}`), "--mode", "sideways"},
		"no released copies":             {"schema", "check", "--dir", t.TempDir()},
		"a released schema that is gone": {"schema", "check", "--dir", schemaFolder(t, `{}`, "")},
		"a schema that is not JSON":      {"schema", "check", "--dir", schemaFolder(t, `{}`, "{")},
		"a schema that is null":          {"schema", "check", "--dir", schemaFolder(t, `{}`, "null")},
		"one file":                       {"schema", "diff", "a"},
	} {
		if out, err := run(t, "", args...); err == nil || errors.Is(err, errBreaks) {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
}

// As CI asks it.
func TestTheSchemasOfThisRepositoryBreakNoReleasedEvents(t *testing.T) {
	if out, err := run(t, "", "schema", "check", "--dir", "../../schemas"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
