package main

import (
	"fmt"
	"slices"
	"strings"
)

// retentionConfig is how long the stack keeps things, as far as it can decide. docs/retention.md has the rest.
type retentionConfig struct {
	TopicHours      int `json:"topicHours"`  // of events in Kafka; dead letters: see deadLetterDays
	OutcomeDays     int `json:"outcomeDays"` // how long the processors remember an event
	LogDays         int `json:"logDays"`     // of the API, the functions and the brokers
	AccessLogDays   int `json:"accessLogDays,omitempty"`
	FlowLogDays     int `json:"flowLogDays,omitempty"`
	UndeliveredDays int `json:"undeliveredDays,omitempty"` // of batches that could not even be dead-lettered
	ArchiveDays     int `json:"archiveDays,omitempty"`     // of the archive's objects
	// Of backups of the events table, daily ones and the first of each month: see backupConfig.
	BackupDays        int `json:"backupDays,omitempty"`
	MonthlyBackupDays int `json:"monthlyBackupDays,omitempty"`
}

// deadLetterDays is the same for every stack and must never change: see deadLetterConfigs.
const deadLetterDays = 14

// logDays is what CloudWatch Logs accepts.
var logDays = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
	3653}

// defaultRetention has the values that a stack's file may leave out: logs for as long as somebody may ask who it was, a
// month to notice a lost batch, and a year of history.
func defaultRetention() retentionConfig {
	return retentionConfig{AccessLogDays: 90, FlowLogDays: 90, UndeliveredDays: 30, ArchiveDays: 365, BackupDays: 35,
		MonthlyBackupDays: 365}
}

func (c retentionConfig) validate(f *findings) {
	f.require(c.TopicHours >= 1, "retention.topicHours", "must be 1 or more, is %d", c.TopicHours)
	f.require(slices.Contains(logDays, c.LogDays), "retention.logDays", "CloudWatch Logs has no retention of %d days",
		c.LogDays)
	for key, days := range map[string]int{"accessLogDays": c.AccessLogDays, "flowLogDays": c.FlowLogDays,
		"undeliveredDays": c.UndeliveredDays, "archiveDays": c.ArchiveDays,
		"backupDays": c.BackupDays, "monthlyBackupDays": c.MonthlyBackupDays} {
		f.require(days >= 1, "retention."+key, "must be 1 or more, is %d", days)
	}
	// An event that is forgotten while it can still be replayed takes effect a second time.
	topic := (c.TopicHours + 23) / 24
	f.require(c.OutcomeDays >= topic, "retention.outcomeDays", "must be %d or more: an event can be replayed from the "+
		"topic for %d hours, and a forgotten event takes effect again, is %d", topic, c.TopicHours, c.OutcomeDays)
	f.require(c.OutcomeDays >= deadLetterDays, "retention.outcomeDays", "must be %d or more: a dead letter can be "+
		"replayed for as long, is %d", deadLetterDays, c.OutcomeDays)
	f.require(c.OutcomeDays <= 3653, "retention.outcomeDays", "must be 3653 or less, is %d", c.OutcomeDays)
}

// outcomeRetention is the value of OUTCOME_RETENTION.
func (c retentionConfig) outcomeRetention() string { return fmt.Sprintf("%dh", 24*c.OutcomeDays) }

// movedTo is the new place of a key that stack files once had; "" for any other key.
func movedTo(path string) string {
	switch {
	case path == "kafka.retentionHours":
		return "retention.topicHours"
	case strings.HasSuffix(path, ".logRetentionDays"):
		return "retention.logDays"
	}
	return ""
}
