package shred

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"event-processing-service/internal/event"
)

func TestFolderKeepsTheRulesOfStores(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "keys")
	testStore(t, func(*testing.T) Store { return NewFolder(folder) })
}

// testStore holds a store to the rules. open gives the same store each time, as another process has it.
func testStore(t *testing.T, open func(*testing.T) Store) {
	one, other := open(t), open(t)
	ctx := t.Context()
	first, err := one.Current(ctx, "ada")
	if err != nil || len(first.ID) != 32 || first.Secret == (Key{}.Secret) {
		t.Fatalf("the first key is %+v: %v", first, err)
	}
	if again, err := other.Current(ctx, "ada"); again != first || err != nil {
		t.Errorf("another process has another key: %v", err)
	}
	if eve, err := one.Current(ctx, "eve"); eve.ID == first.ID || eve.Secret == first.Secret || err != nil {
		t.Errorf("two subjects have one key: %v", err)
	}
	if found, err := other.Find(ctx, "ada", first.ID); found != first || err != nil {
		t.Errorf("the key is not found: %v", err)
	}
	for _, c := range []struct{ subject, id string }{{"ada", "0"}, {"eve", first.ID}, {"nobody", first.ID}} {
		if _, err := one.Find(ctx, c.subject, c.id); !errors.Is(err, event.ErrNoKey) || errors.Is(err, event.ErrForgotten) {
			t.Errorf("key %s of %s, which never was: %v", c.id, c.subject, err)
		}
	}
	gone, err := one.Forget(ctx, "ada")
	if err != nil || len(gone) != 1 || gone[0].Key != first.ID || time.Since(gone[0].At) > time.Minute {
		t.Fatalf("forgotten are %v: %v", gone, err)
	}
	if _, err := other.Find(ctx, "ada", first.ID); !errors.Is(err, event.ErrForgotten) {
		t.Errorf("the deleted key: %v", err)
	}
	if again, err := other.Forget(ctx, "ada"); err != nil || len(again) != 1 || !again[0].At.Equal(gone[0].At) {
		t.Errorf("forgotten once more are %v, before %v: %v", again, gone, err)
	}
	second, err := one.Current(ctx, "ada")
	if err != nil || second.ID == first.ID || second.Secret == first.Secret {
		t.Errorf("the next key is the deleted one: %v", err)
	}
	if _, err := other.Find(ctx, "ada", first.ID); !errors.Is(err, event.ErrForgotten) {
		t.Errorf("the deleted key, once there is another: %v", err)
	}
	if all, err := one.Forget(ctx, "ada"); err != nil || len(all) != 2 {
		t.Errorf("forgotten are %v: %v", all, err)
	}
	if none, err := one.Forget(ctx, "nobody"); err != nil || len(none) != 0 {
		t.Errorf("of nobody are forgotten %v: %v", none, err)
	}
	testRace(t, open)
}

// testRace lets many processes ask for the first key of a subject at once.
func testRace(t *testing.T, open func(*testing.T) Store) {
	t.Helper()
	var all sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		store := open(t)
		all.Go(func() {
			k, err := store.Current(context.Background(), "many")
			if err != nil {
				t.Error(err)
			}
			ids[i] = k.ID
		})
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("several processes have several keys: %v", ids)
		}
	}
}

func TestNoFileHasWhatWasForgotten(t *testing.T) {
	folder := t.TempDir()
	d := NewFolder(folder)
	k, err := d.Current(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	encoded := []byte(`"secret"`)
	text, err := os.ReadFile(d.name("ada", 1))
	if err != nil || !bytes.Contains(text, encoded) {
		t.Fatalf("the key's file is %s: %v", text, err)
	}
	if info, err := os.Stat(d.name("ada", 1)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the key: %v", err)
	}
	kept, err := os.Open(d.name("ada", 1)) // as something that has the old file open
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	if _, err := d.Forget(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) != 1 {
		t.Errorf("%v: %v", files, err)
	}
	old := make([]byte, 1000)
	n, _ := kept.Read(old)
	if now, err := os.ReadFile(files[0]); err != nil || bytes.Contains(now, encoded) || bytes.Contains(old[:n], encoded) ||
		bytes.Contains(old[:n], []byte(k.ID)) {
		t.Errorf("what is left: %s, %s (%v)", now, old[:n], err)
	}
}

func TestADamagedKeyIsAnErrorAndNotForgotten(t *testing.T) {
	d := NewFolder(t.TempDir())
	k, err := d.Current(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "{}", `{"id":"x","secret":"AA=="}`, "\x00\x00"} {
		if err := os.WriteFile(d.name("ada", 1), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := d.Find(t.Context(), "ada", k.ID)
		if err == nil || errors.Is(err, event.ErrForgotten) || errors.Is(err, event.ErrNoKey) {
			t.Errorf("a file of %q: %v", text, err)
		}
		if _, err := d.Current(t.Context(), "ada"); err == nil {
			t.Errorf("a file of %q is a key", text)
		}
	}
}
