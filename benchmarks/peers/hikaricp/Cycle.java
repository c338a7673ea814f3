// SPDX-License-Identifier: BSL-1.0
// Claim and release of HikariCP: java Cycle THREADS CONNECTIONS MILLISECONDS

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.logging.Logger;
import javax.sql.DataSource;

public final class Cycle {
  private static final int BATCH = 64;
  private static final int STRIDE = 16;  // counts on cache lines of their own
  private static volatile boolean over = false;

  public static void main(String[] arguments) throws Exception {
    int threads = Integer.parseInt(arguments[0]);
    int connections = Integer.parseInt(arguments[1]);
    long milliseconds = Long.parseLong(arguments[2]);

    HikariConfig config = new HikariConfig();
    config.setDataSource(new StubSource());
    config.setMaximumPoolSize(connections);
    config.setMinimumIdle(connections);
    try (HikariDataSource pool = new HikariDataSource(config)) {
      while (pool.getHikariPoolMXBean().getIdleConnections() < connections) Thread.sleep(1);
      AtomicLongArray counts = new AtomicLongArray((threads + 1) * STRIDE);
      Thread[] team = new Thread[threads];
      for (int i = 0; i < threads; ++i) {
        int place = (i + 1) * STRIDE;
        team[i] = new Thread(() -> work(pool, counts, place));
        team[i].start();
      }
      Thread.sleep(Math.max(10 * milliseconds, milliseconds < 50 ? 0 : 1000));  // until it is compiled
      Moment before = new Moment(counts);
      Thread.sleep(milliseconds);
      Moment after = new Moment(counts);
      over = true;
      for (Thread one : team) one.join();
      System.out.printf("ns=%.3f foreign=%.4f%n",
          (after.nanoseconds - before.nanoseconds) / (double) (after.cycles - before.cycles),
          after.foreignShareSince(before));
    }
  }

  private static void work(HikariDataSource pool, AtomicLongArray counts, int place) {
    try {
      for (long done = 0; !over; counts.setOpaque(place, done)) {
        for (int i = 0; i < BATCH; ++i, ++done) {
          try (Connection held = pool.getConnection()) {
            if (held == null) throw new IllegalStateException();
          }
        }
      }
    } catch (java.sql.SQLException error) {
      throw new IllegalStateException(error);
    }
  }

  /** What was done until now, and how busy the machine and this process were. */
  private static final class Moment {
    final long nanoseconds = System.nanoTime();
    final long own = ((com.sun.management.OperatingSystemMXBean)
        ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    final long cycles;
    final long all;
    final long idle;

    Moment(AtomicLongArray counts) throws IOException {
      long sum = 0;
      for (int i = 0; i < counts.length(); ++i) sum += counts.get(i);
      cycles = sum;
      String[] fields = Files.readAllLines(Path.of("/proc/stat")).get(0).trim().split(" +");
      long ticks = 0;
      for (int i = 1; i <= 8; ++i) ticks += Long.parseLong(fields[i]);
      all = ticks;
      idle = Long.parseLong(fields[4]) + Long.parseLong(fields[5]);
    }

    double foreignShareSince(Moment before) {
      double passed = all - before.all;
      double busy = passed - (idle - before.idle);
      return passed > 0 ? Math.max(0, busy - (own - before.own) / 1e7) / passed : 0;
    }
  }

  /** Gives connections that do nothing. */
  private static final class StubSource implements DataSource {
    @Override public Connection getConnection() { return new StubConnection(); }
    @Override public Connection getConnection(String user, String password) { return getConnection(); }
    @Override public PrintWriter getLogWriter() { return null; }
    @Override public void setLogWriter(PrintWriter out) {}
    @Override public void setLoginTimeout(int seconds) {}
    @Override public int getLoginTimeout() { return 0; }
    @Override public Logger getParentLogger() { return null; }
    @Override public <T> T unwrap(Class<T> type) { return null; }
    @Override public boolean isWrapperFor(Class<?> type) { return false; }
  }
}
