package dotenv_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"event-processing-service/cmd/internal/dotenv"
)

// readText reads a file of this text, where SET is set already.
func readText(t *testing.T, text string) (map[string]string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), dotenv.File)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	set := map[string]string{"SET": "by the shell"}
	err := dotenv.Read(path, func(name string) (string, bool) { v, is := set[name]; return v, is },
		func(name, value string) error { set[name] = value; return nil })
	return set, err
}

func TestTheFileSetsWhatTheShellDoesNot(t *testing.T) {
	got, err := readText(t, "\ufeff# for handlers\r\nSHOP_URL=https://shop.example.com/?a=b#c\n\n"+
		"  export SHOP_KEY = 'a \"b\"'\nJSON={\"user\":\"ada\"}\nQUOTED=\"x y\"\nEMPTY=\nSET=by the file")
	want := map[string]string{"SHOP_URL": "https://shop.example.com/?a=b#c", "SHOP_KEY": `a "b"`, "JSON": `{"user":"ada"}`,
		"QUOTED": "x y", "EMPTY": "", "SET": "by the shell"}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("the variables are %q (%v)", got, err)
	}
}

func TestALineThatSetsNothingIsAnErrorWithoutItsText(t *testing.T) {
	for text, want := range map[string]string{
		"A=1\nhush":      "line 2: must be NAME=VALUE, or a comment behind #",
		"SHOP-KEY=hush":  "line 1: must be NAME=VALUE, or a comment behind #",
		"=hush":          "line 1: must be NAME=VALUE, or a comment behind #",
		"SHOP_KEY='hush": "line 1: SHOP_KEY has a quote without another at its end",
		`SHOP_KEY="`:     "line 1: SHOP_KEY has a quote without another at its end",
	} {
		_, err := readText(t, text)
		if err == nil || !strings.HasSuffix(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: the error is %v", text, err)
		}
	}
}

func TestWithoutAFileNothingIsSet(t *testing.T) {
	if err := dotenv.Read(filepath.Join(t.TempDir(), dotenv.File), nil, nil); err != nil {
		t.Error(err)
	}
	if err := dotenv.Read(t.TempDir(), nil, nil); err == nil {
		t.Error("a directory is taken for a file without lines")
	}
}
