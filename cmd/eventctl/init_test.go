package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// clone is a folder with these files.
func clone(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const goMod = "module " + template + "\n\ngo 1.26\n"

func TestInitRenamesTheModuleWhereItIsMeantAndTheNameElsewhere(t *testing.T) {
	was := map[string]string{
		"go.mod":          goMod,
		".golangci.yaml":  "- { pkg: T, desc: none }\n- { pkg: T/api }\n",
		"Pulumi.yaml":     "name: T\n",
		"Pulumi.dev.yaml": "T:name: T-dev\n",
		"api/Dockerfile":  "-X T/internal/telemetry.version=1\ntitle=\"T\"\n",
		"README.md":       "# T\n\n`docker run T-api:local`, `/ecs/T-api-service/T`, `/T/api`, `~/T/bin`\n",
		"stack/secret.go": "package stack\n\nconst secret = \"T/api-keys\"\n",
		"api/server.go": "package api\n\nimport (\n\t\"T/internal/event\"\n\t\"m.org/x\"\n)\n\nconst Prefix = " +
			"\"T/\"\n\nconst Source = " +
			"\"/T/api\"\n",
		"internal/event/event.go": "package event\n",
		"picture.png":             "\x00T",
		".git/config":             "T",
	}
	want := map[string]string{
		"go.mod":          "module github.com/acme/shop\n\ngo 1.26\n",
		".golangci.yaml":  "- { pkg: github.com/acme/shop, desc: none }\n- { pkg: github.com/acme/shop/api }\n",
		"Pulumi.yaml":     "name: shop-events\n",
		"Pulumi.dev.yaml": "shop-events:name: shop-events-dev\n",
		"api/Dockerfile":  "-X github.com/acme/shop/internal/telemetry.version=1\ntitle=\"shop-events\"\n",
		"README.md": "# shop-events\n\n`docker run shop-events-api:local`, " +
			"`/ecs/shop-events-api-service/shop-events`, `/shop-events/api`, `~/shop-events/bin`\n",
		"stack/secret.go": "package stack\n\nconst secret = \"shop-events/api-keys\"\n",
		"api/server.go": "package api\n\nimport " +
			"(\n\t\"github.com/acme/shop/internal/event\"\n\t\"m.org/x\"\n)\n\nconst Prefix = " +
			"\"github.com/acme/shop/\"\n\nconst Source = \"/shop-events/api\"\n",
		"internal/event/event.go": "package event\n",
		"picture.png":             "\x00" + template,
		".git/config":             template,
	}
	for name := range was {
		was[name] = strings.ReplaceAll(was[name], "T", template)
	}
	dir := clone(t, was)
	out, err := run(t, "", "init", "github.com/acme/shop", "--name", "shop-events", "--root", dir)
	if err != nil || !strings.HasPrefix(out, "8 files are changed.") {
		t.Errorf("%q, %v", out, err)
	}
	got := map[string]string{}
	for name := range was {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		got[name] = string(text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := run(t, "", "init", "github.com/acme/other", "--name", "other", "--root", dir); err == nil ||
		!strings.Contains(err.Error(), "renamed already: its module is github.com/acme/shop") {
		t.Errorf("a second time: %v", err)
	}
}

func TestInitRefusesNamesThatCannotBeAndChangesNothing(t *testing.T) {
	dir := clone(t, map[string]string{"go.mod": goMod, "api/api.go": "package api\n"})
	for _, args := range [][]string{
		{"github.com/acme/shop"}, {"github.com/acme/shop", "--name", "Shop"}, {"github.com/acme/shop", "--name", "a--b"},
		{"github.com/acme/shop", "--name", "internal-shop"}, {"github.com/acme/shop", "--name", strings.Repeat("a", 25)},
		{"", "--name", "shop"}, {"/acme", "--name", "shop"}, {"a b", "--name", "shop"}, {"a/../b", "--name", "shop"},
		{"github.com/" + template, "--name", "shop"}, {"github.com/acme/shop", "--name", "shop-"},
	} {
		if out, err := run(t, "", append([]string{"init", "--root", dir}, args...)...); !errors.Is(err, errUsage) {
			t.Errorf("%q: %q, %v", args, out, err)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "go.mod")); err != nil || string(text) != goMod {
		t.Errorf("go.mod is %s, %v", text, err)
	}
}

func TestInitWantsAFolderWhoseChangesAreCommitted(t *testing.T) {
	dir := clone(t, map[string]string{"go.mod": goMod})
	git(t, dir, "init", "-q")
	if _, err := run(t, "", "init", "m", "--name", "shop", "--root", dir); err == nil ||
		!strings.Contains(err.Error(), "not committed") {
		t.Errorf("with go.mod untracked: %v", err)
	}
	if _, err := run(t, "", "init", "m", "--name", "shop", "--root", dir, "--force"); err != nil {
		t.Errorf("with --force: %v", err)
	}
}
