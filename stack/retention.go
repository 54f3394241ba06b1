package main

import (
	"fmt"
	"slices"
	"strings"
)

// retentionConfig is how long everything is kept that a stack can decide about. docs/retention.md has the rest.
type retentionConfig struct {
	TopicHours      int `json:"topicHours"`  // of events in Kafka; dead letters: see deadLetterDays
	OutcomeDays     int `json:"outcomeDays"` // how long the processors remember an event
	LogDays         int `json:"logDays"`     // of the API, the functions and the brokers
	AccessLogDays   int `json:"accessLogDays,omitempty"`
	FlowLogDays     int `json:"flowLogDays,omitempty"`
	UndeliveredDays int `json:"undeliveredDays,omitempty"` // of batches that could not even be dead-lettered
	ArchiveDays     int `json:"archiveDays,omitempty"`     // of the archive's objects
	// Of the events table, each day's and each month's first: see backupConfig.
	BackupDays        int `json:"backupDays,omitempty"`
	MonthlyBackupDays int `json:"monthlyBackupDays,omitempty"`
}

// deadLetterDays is the same for every stack for ever: see deadLetterConfigs.
const deadLetterDays = 14

// logDays is what CloudWatch Logs accepts.
var logDays = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
	3653}

// defaultRetention is what a stack's file need not say: as long as somebody asks who it was, a month to notice a
// lost batch, and a year of history.
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
	// What is forgotten while it can still be replayed takes effect a second time.
	topic := (c.TopicHours + 23) / 24
	f.require(c.OutcomeDays >= topic, "retention.outcomeDays", "must be %d or more: an event can be replayed from the "+
		"topic for %d hours, and one that is forgotten takes effect again, is %d", topic, c.TopicHours, c.OutcomeDays)
	f.require(c.OutcomeDays >= deadLetterDays, "retention.outcomeDays", "must be %d or more: a dead letter can be "+
		"replayed for as long, is %d", deadLetterDays, c.OutcomeDays)
	f.require(c.OutcomeDays <= 3653, "retention.outcomeDays", "must be 3653 or less, is %d", c.OutcomeDays)
}

// outcomeRetention is what the processors read of it.
func (c retentionConfig) outcomeRetention() string { return fmt.Sprintf("%dh", 24*c.OutcomeDays) }

// movedTo is where the meaning of a key is that stack files once had; "" of any other.
func movedTo(path string) string {
	switch {
	case path == "kafka.retentionHours":
		return "retention.topicHours"
	case strings.HasSuffix(path, ".logRetentionDays"):
		return "retention.logDays"
	}
	return ""
}
