package assembly

import (
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"event-processing-service/internal/settings"
	"event-processing-service/internal/shred"
)

// How long a program uses a key after reading it, and so how long a deleted key may still be in use. To read a file
// takes microseconds, to read the table 5 ms and money.
const (
	keepOfFolder = time.Second
	keepOfTable  = time.Minute
)

// Keys encrypts and decrypts the data of events; nil if the settings name no key store.
func (a *Assembly) Keys(s settings.Keys) (*shred.Ring, error) {
	store, keep, err := a.KeyStore(s)
	if store == nil || err != nil {
		return nil, err
	}
	return shred.NewRing(store, s.Types, keep), nil
}

// KeyStore is the store that the settings name, and how long other programs may still use a key after it is deleted.
func (a *Assembly) KeyStore(s settings.Keys) (store shred.Store, keep time.Duration, err error) {
	if s.URL == "" {
		return nil, 0, nil
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, 0, fmt.Errorf("read SUBJECT_KEYS: %w", err)
	}
	if u.Scheme == "dynamodb" {
		table, err := a.KeyTable(u.Host, u.Query().Get("kms"))
		return table, keepOfTable, err
	}
	path := u.Path
	if filepath.VolumeName(path[1:]) != "" { // file:///C:/keys
		path = path[1:]
	}
	return shred.NewFolder(filepath.FromSlash(path)), keepOfFolder, nil
}

// KeyTable is the store in DynamoDB, whose keys are wrapped by a key of AWS KMS; "": not wrapped.
func (a *Assembly) KeyTable(table, kms string) (*shred.Table, error) {
	cfg, err := a.aws()
	if err != nil {
		return nil, err
	}
	if kms == "" {
		return shred.NewTable(cfg, table, nil), nil
	}
	return shred.NewTable(cfg, table, shred.NewKMS(cfg, kms)), nil
}
