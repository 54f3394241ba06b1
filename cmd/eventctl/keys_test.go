package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"event-processing-service/internal/secrets"
	"event-processing-service/internal/settings"
)

// keysIn are the clients of a file as the API reads them.
func keysIn(t *testing.T, file string) map[string]settings.Client {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	clients, err := settings.ParseClients(string(text))
	if err != nil {
		t.Fatalf("the API can't read %s: %v", text, err)
	}
	return clients
}

func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	out, err := run(t, "", args...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return strings.TrimSpace(out)
}

func TestAKeyIsPrintedOnceAndItsHashIsStored(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	key := mustRun(t, "keys", "add", "shop", "--file", file, "--source", "/shop/*", "--type", "order.*",
		"--limit", "100/1s",
		"--expires-in", "1h")
	text, _ := os.ReadFile(file)
	if len(key) != 43 || strings.Contains(string(text), key) {
		t.Fatalf("the key %q is in the file: %s", key, text)
	}
	shop := keysIn(t, file)["shop"]
	if len(shop.Keys) != 1 || shop.Keys[0].Hash != sha256.Sum256([]byte(key)) || shop.Sources[0] != "/shop/*" ||
		shop.Types[0] != "order.*" || shop.Limit != (settings.Rate{Units: 100, Per: time.Second}) {
		t.Errorf("stored is %+v", shop)
	}
	if left := time.Until(shop.Keys[0].Expires); left < 50*time.Minute || left > time.Hour {
		t.Errorf("it ends in %s", left)
	}
	if info, _ := os.Stat(file); info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v", info.Mode())
	}
	if second := mustRun(t, "keys", "add", "shop", "--file", file); second == key {
		t.Error("two keys are the same")
	}
	if shop := keysIn(t, file)["shop"]; len(shop.Keys) != 2 || shop.Limit.Units != 100 {
		t.Errorf("after a second key the client is %+v", shop)
	}
}

func TestAfterARotationTheOldKeysEndAndTheNewOneStays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, []byte(`{"shop":"as-it-is-0123456789"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	key := mustRun(t, "keys", "rotate", "shop", "--file", file, "--overlap", "72h")
	keys := keysIn(t, file)["shop"].Keys
	if len(keys) != 2 || keys[0].Hash != sha256.Sum256([]byte("as-it-is-0123456789")) ||
		time.Until(keys[0].Expires) > 72*time.Hour || time.Until(keys[0].Expires) < 71*time.Hour ||
		keys[1].Hash != sha256.Sum256([]byte(key)) || !keys[1].Expires.IsZero() {
		t.Errorf("keys are %+v", keys)
	}
	mustRun(t, "keys", "rotate", "shop", "--file", file, "--overlap", "0s")
	time.Sleep(1100 * time.Millisecond) // times are whole seconds
	mustRun(t, "keys", "add", "shop", "--file", file)
	if keys = keysIn(t, file)["shop"].Keys; len(keys) != 2 {
		t.Errorf("keys that have ended are kept: %+v", keys)
	}
}

func TestARevokedKeyIsGoneAndAClientWithoutKeysIsForgotten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	first, second := mustRun(t, "keys", "add", "shop", "--file", file), mustRun(t, "keys", "add", "shop", "--file", file)
	hash := sha256.Sum256([]byte(first))
	id := hex.EncodeToString(hash[:4])
	if list := mustRun(t, "keys", "list", "--file", file); !strings.Contains(list, id) || strings.Contains(list, first) {
		t.Errorf("the list is %s", list)
	}
	mustRun(t, "keys", "revoke", "shop", "--file", file, "--key", id)
	if keys := keysIn(t, file)["shop"].Keys; len(keys) != 1 || keys[0].Hash != sha256.Sum256([]byte(second)) {
		t.Errorf("left are %+v", keys)
	}
	mustRun(t, "keys", "revoke", "shop", "--file", file)
	if clients := keysIn(t, file); len(clients) != 0 {
		t.Errorf("left are %+v", clients)
	}
}

func TestWhatKeysRefuse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	mustRun(t, "keys", "add", "shop", "--file", file)
	before, _ := os.ReadFile(file)
	for want, args := range map[string][]string{
		"say where the keys are":              {"keys", "add", "shop"},
		"--limit must be events/duration":     {"keys", "add", "shop", "--file", file, "--limit", "much"},
		"a key can't end before it begins":    {"keys", "add", "shop", "--file", file, "--expires-in", "-1h"},
		"printable ASCII":                     {"keys", "add", "a b", "--file", file},
		"sources must be whole":               {"keys", "add", "shop", "--file", file, "--source", "*/x"},
		`there is no client "web"`:            {"keys", "rotate", "web", "--file", file},
		`there is no client "none"`:           {"keys", "revoke", "none", "--file", file},
		"has no key that begins with 0123456": {"keys", "revoke", "shop", "--file", file, "--key", "01234567890"},
		"[file secret]":                       {"keys", "list", "--file", file, "--secret", "x"},
	} {
		if _, err := run(t, "", args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", args, err, want)
		}
	}
	if after, _ := os.ReadFile(file); string(after) != string(before) {
		t.Errorf("the file has changed: %s", after)
	}
}

func TestKeysThatSomebodyElseHasChangedAreNotReplaced(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := replaceKeys(file, `{"shop":"mine"}`, `{"as":"it was read"}`); !errors.Is(err, secrets.ErrChanged) {
		t.Errorf("it ends with %v", err)
	}
	if text, _ := os.ReadFile(file); string(text) != `{}` {
		t.Errorf("the file is %s", text)
	}
}
