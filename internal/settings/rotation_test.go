package settings_test

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"event-processing-service/internal/settings"
)

func TestARotationKnowsWhoseKeysItChanges(t *testing.T) {
	all := []string{"ROTATION_CLIENTS", `{"shop":"arn:shop"}`, "ROTATION_KEYS_SECRET", "n/api-keys", "ROTATION_URL",
		"https://api.example.com", "ROTATION_OVERLAP", "72h"}
	s, err := settings.LoadRotation(environment(all...))
	if err != nil || s.Clients["shop"] != "arn:shop" || s.KeysSecret != "n/api-keys" ||
		s.URL != "https://api.example.com" || s.Overlap != 72*time.Hour {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err := settings.LoadRotation(environment(all[:6]...)); err != nil || s.Overlap != 24*time.Hour {
		t.Errorf("unset, the overlap is %s, %v", s.Overlap, err)
	}
	for want, pairs := range map[string][]string{
		"ROTATION_URL: must be set": all[:4],
		"ROTATION_CLIENTS=":         append([]string{"ROTATION_CLIENTS", "shop"}, all[2:]...),
		"ROTATION_OVERLAP=":         append(all[:6:6], "ROTATION_OVERLAP", "1s"),
	} {
		if _, err := settings.LoadRotation(environment(pairs...)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", pairs, err, want)
		}
	}
}

func TestEndingKeysEndAtTheOverlapsEndAndNotLaterThanBefore(t *testing.T) {
	now := time.Date(2027, 1, 1, 12, 0, 0, 500, time.UTC)
	key := func(name string, expires time.Time) settings.Key {
		return settings.Key{Hash: sha256.Sum256([]byte(name)), Expires: expires}
	}
	c := settings.Client{Keys: []settings.Key{key("a", time.Time{}), key("b", now.Add(-time.Second)),
		key("c", now.Add(time.Minute)), key("d", now.Add(48*time.Hour))}, Types: []string{"order.*"}}
	end := time.Date(2027, 1, 2, 12, 0, 0, 0, time.UTC)
	got := c.Ending(now, 24*time.Hour)
	want := []settings.Key{key("a", end), key("c", now.Add(time.Minute)), key("d", end)}
	if len(got.Keys) != 3 || got.Keys[0] != want[0] || got.Keys[1] != want[1] || got.Keys[2] != want[2] ||
		len(got.Types) != 1 || !c.Keys[0].Expires.IsZero() {
		t.Errorf("%+v, want %+v", got.Keys, want)
	}
}
