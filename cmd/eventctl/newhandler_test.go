package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// copyOfService copies folders of the service, and its go.mod, into a folder of the test's own.
func copyOfService(t *testing.T, folders ...string) string {
	t.Helper()
	dir, err := filepath.Abs(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	source, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range folders {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(source, name))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(source, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func goIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestANewHandlerPassesItsTest(t *testing.T) {
	dir := copyOfService(t, "handlers", "schemas", "processor", "internal", "examples")
	before, err := os.ReadFile(filepath.Join(dir, "schemas/order.placed.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, eventType := range []string{"parcel.lost-in_transit", "order.placed"} { // without a schema, and with one
		if out, err := run(t, "", "new", "handler", eventType, "--root", dir); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	if after, err := os.ReadFile(filepath.Join(dir, "schemas/order.placed.json")); err != nil ||
		string(after) != string(before) {
		t.Errorf("the schema that was there is changed (%v)", err)
	}
	goIn(t, dir, "vet", "./handlers", "./schemas")
	out := goIn(t, dir, "test", "-v", "-run", "ParcelLost|OrderPlaced|Schema|Types", "./handlers", "./schemas/...")
	for _, name := range []string{"ParcelLostInTransit", "OrderPlaced"} {
		if !strings.Contains(out, "--- PASS: Test"+name+"IsProcessedAgainAndAgainAndOtherDataIsADeadLetter") {
			t.Errorf("the test of %s did not run:\n%s", name, out)
		}
	}
	if text := goIn(t, dir, "doc", "-u", "-src", "./handlers", "Sets"); !strings.Contains(text,
		"processor.All(\n\t\tRegister,\n\t\tregisterParcelLostInTransit,\n\t\tregisterOrderPlaced,\n\t)") {
		t.Errorf("the handlers are not registered:\n%s", text)
	}
}

func TestWhatIsThereIsNotOverwrittenByANewHandler(t *testing.T) {
	dir := copyOfService(t, "handlers", "schemas")
	if out, err := run(t, "", "new", "handler", "parcel.lost", "--root", dir); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, args := range map[string][]string{
		"a handler that there is": {"parcel.lost", "--root", dir},
		"a type that is a path":   {"../x", "--root", dir},
		"a type in capitals":      {"Order", "--root", dir},
		"a folder without go.mod": {"parcel.found", "--root", t.TempDir()},
	} {
		if out, err := run(t, "", append([]string{"new", "handler"}, args...)...); err == nil || out != "" {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
}

func TestAHandlerIsAddedToTheFirstOfTheSets(t *testing.T) {
	const source = "package handlers\n\nvar Sets = processor.Sets{\n\t{Register: mine},\n" +
		"\t{Name: \"audit\", Register: its},\n}\n"
	want := strings.Replace(source, "mine}", "processor.All(\n\t\tmine,\n\t\tregisterX,\n\t)}", 1)
	got, err := addToSets([]byte(source), "registerX")
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s", err, got)
	}
	want = strings.Replace(want, "registerX,\n", "registerX,\n\t\tregisterY,\n", 1)
	if got, err = addToSets(got, "registerY"); err != nil || string(got) != want {
		t.Errorf("the second: %v\n%s", err, got)
	}
	for _, broken := range []string{
		"package handlers", "package handlers\nvar Sets = processor.Sets{}", "package handlers\nvar Sets = sets()", "packag",
		"package handlers\nvar Sets = processor.Sets{{\"\", mine}}",
	} {
		if got, err := addToSets([]byte(broken), "registerX"); err == nil || errors.Is(err, os.ErrExist) {
			t.Errorf("%q becomes %s", broken, got)
		}
	}
}
