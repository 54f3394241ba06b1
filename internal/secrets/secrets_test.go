package secrets_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"event-processing-service/internal/secrets"
)

// vault is a service that stores secrets.
type vault struct {
	mu     sync.Mutex
	values map[string]string // by id
	fault  error
	reads  atomic.Int64
}

func (v *vault) set(id, value string, fault error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.values[id], v.fault = value, fault
}

func (v *vault) read(_ context.Context, r secrets.Reference) (string, error) {
	v.reads.Add(1)
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.values[r.ID], v.fault
}

var shop = map[string]secrets.Reference{"SHOP_KEY": {Service: secrets.SecretsManager, ID: "shop/key"}}

func load(t *testing.T, v *vault, references map[string]secrets.Reference, log *bytes.Buffer) *secrets.Cache {
	t.Helper()
	c, err := secrets.Load(t.Context(), references, v.read, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func expect(t *testing.T, c *secrets.Cache, want string) {
	t.Helper()
	if got, err := c.Value(t.Context(), "SHOP_KEY"); got != want || err != nil {
		t.Errorf("the value is %q (%v), want %q", got, err, want)
	}
}

func TestASecretIsReadAtTheStartAndAgainWhenItIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{values: map[string]string{"shop/key": "one"}}
		c := load(t, v, shop, &bytes.Buffer{})
		v.set("shop/key", "two", nil)
		time.Sleep(secrets.Age - time.Second)
		expect(t, c, "one")
		time.Sleep(time.Second)
		expect(t, c, "two")
		if n := v.reads.Load(); n != 2 {
			t.Errorf("it was read %d times", n)
		}
	})
}

func TestTheLastGoodValueIsKeptWhileNoBetterOneCanBeRead(t *testing.T) {
	json := map[string]secrets.Reference{"SHOP_KEY": {Service: secrets.ParameterStore, ID: "/shop", JSON: true}}
	for cause, fault := range map[string]struct {
		value string
		err   error
	}{
		"the service is away": {`{"k":2}`, errors.New("no answer")},
		"it is not JSON":      {"hush", nil},
		"it is empty":         {"", nil},
	} {
		t.Run(cause, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v, log := &vault{values: map[string]string{"/shop": `{"k":1}`}}, &bytes.Buffer{}
				c := load(t, v, json, log)
				v.set("/shop", fault.value, fault.err)
				time.Sleep(secrets.Age)
				for range 3 {
					expect(t, c, `{"k":1}`)
				}
				if n := v.reads.Load(); n != 2 {
					t.Errorf("it was read %d times, not once and once more", n)
				}
				if text := log.String(); !strings.Contains(text, "SHOP_KEY") || strings.Contains(text, "hush") {
					t.Errorf("the log says %s", text)
				}
				v.set("/shop", `{"k":3}`, nil)
				time.Sleep(secrets.Pause)
				expect(t, c, `{"k":3}`)
			})
		})
	}
}

func TestNobodyWaitsForAnotherWhoReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := make(chan struct{}, 1)
		read := func(context.Context, secrets.Reference) (string, error) {
			if len(slow) > 0 {
				time.Sleep(2 * time.Second)
			}
			return "one", nil
		}
		c, err := secrets.Load(t.Context(), shop, read, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		slow <- struct{}{}
		time.Sleep(secrets.Age)
		go func() { _, _ = c.Value(context.Background(), "SHOP_KEY") }()
		synctest.Wait()
		start := time.Now()
		expect(t, c, "one")
		if waited := time.Since(start); waited > 0 {
			t.Errorf("it waited %s", waited)
		}
		time.Sleep(time.Minute) // the other is done
	})
}

func TestASecretThatCanNotBeUsedStopsTheStartByItsName(t *testing.T) {
	read := func(ctx context.Context, r secrets.Reference) (string, error) {
		switch r.ID {
		case "absent":
			return "", errors.New("there is no such secret in us-east-1")
		case "hangs":
			<-ctx.Done()
			return "", ctx.Err()
		}
		return "hush", nil
	}
	synctest.Test(t, func(t *testing.T) {
		_, err := secrets.Load(t.Context(), map[string]secrets.Reference{
			"A": {Service: secrets.SecretsManager, ID: "absent"}, "B": {Service: secrets.ParameterStore, ID: "text", JSON: true},
			"C": {Service: secrets.SecretsManager, ID: "hangs"}, "D": {Service: secrets.SecretsManager, ID: "good"},
		}, read, slog.New(slog.DiscardHandler))
		const want = "secret A: read Secrets Manager absent: there is no such secret in us-east-1\n" +
			"secret B: Parameter Store text is not JSON, as processor.uses.secrets demands\n" +
			"secret C: read Secrets Manager hangs: context deadline exceeded"
		if err == nil || err.Error() != want {
			t.Errorf("the start ends with\n%v\nwant\n%s", err, want)
		}
	})
}

func TestASecretThatIsNotDeclaredIsAnErrorThatNamesThoseThatAre(t *testing.T) {
	c := load(t, &vault{values: map[string]string{"shop/key": "one"}}, shop, &bytes.Buffer{})
	if _, err := c.Value(t.Context(), "SHOP_KEI"); err == nil ||
		err.Error() != "secret SHOP_KEI is not declared: processor.uses.secrets has SHOP_KEY" {
		t.Errorf("the error is %v", err)
	}
}
