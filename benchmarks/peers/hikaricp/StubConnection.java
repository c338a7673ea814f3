// SPDX-License-Identifier: BSL-1.0

import java.sql.Array;
import java.sql.Blob;
import java.sql.CallableStatement;
import java.sql.Clob;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.NClob;
import java.sql.PreparedStatement;
import java.sql.SQLWarning;
import java.sql.SQLXML;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Struct;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Executor;

/** A connection that is valid and does nothing. */
final class StubConnection implements Connection {
  @Override public boolean isValid(int timeout) { return true; }
  @Override public boolean isClosed() { return false; }
  @Override public boolean getAutoCommit() { return true; }
  @Override public int getTransactionIsolation() { return TRANSACTION_READ_COMMITTED; }

  @Override public void abort(Executor executor) {}
  @Override public void clearWarnings() {}
  @Override public void close() {}
  @Override public void commit() {}
  @Override public Array createArrayOf(String type, Object[] elements) { return null; }
  @Override public Blob createBlob() { return null; }
  @Override public Clob createClob() { return null; }
  @Override public NClob createNClob() { return null; }
  @Override public SQLXML createSQLXML() { return null; }
  @Override public Statement createStatement() { return null; }
  @Override public Statement createStatement(int type, int concurrency) { return null; }
  @Override public Statement createStatement(int type, int concurrency, int hold) { return null; }
  @Override public Struct createStruct(String type, Object[] attributes) { return null; }
  @Override public String getCatalog() { return null; }
  @Override public Properties getClientInfo() { return null; }
  @Override public String getClientInfo(String name) { return null; }
  @Override public int getHoldability() { return 0; }
  @Override public DatabaseMetaData getMetaData() { return null; }
  @Override public int getNetworkTimeout() { return 0; }
  @Override public String getSchema() { return null; }
  @Override public Map<String, Class<?>> getTypeMap() { return null; }
  @Override public SQLWarning getWarnings() { return null; }
  @Override public boolean isReadOnly() { return false; }
  @Override public boolean isWrapperFor(Class<?> type) { return false; }
  @Override public String nativeSQL(String sql) { return sql; }
  @Override public CallableStatement prepareCall(String sql) { return null; }
  @Override public CallableStatement prepareCall(String sql, int type, int concurrency) { return null; }
  @Override public CallableStatement prepareCall(String sql, int type, int concurrency, int hold) { return null; }
  @Override public PreparedStatement prepareStatement(String sql) { return null; }
  @Override public PreparedStatement prepareStatement(String sql, int keys) { return null; }
  @Override public PreparedStatement prepareStatement(String sql, int[] columns) { return null; }
  @Override public PreparedStatement prepareStatement(String sql, String[] columns) { return null; }
  @Override public PreparedStatement prepareStatement(String sql, int type, int concurrency) { return null; }
  @Override public PreparedStatement prepareStatement(String sql, int type, int concurrency, int hold) {
    return null;
  }
  @Override public void releaseSavepoint(Savepoint savepoint) {}
  @Override public void rollback() {}
  @Override public void rollback(Savepoint savepoint) {}
  @Override public void setAutoCommit(boolean automatic) {}
  @Override public void setCatalog(String catalog) {}
  @Override public void setClientInfo(Properties properties) {}
  @Override public void setClientInfo(String name, String value) {}
  @Override public void setHoldability(int hold) {}
  @Override public void setNetworkTimeout(Executor executor, int milliseconds) {}
  @Override public void setReadOnly(boolean only) {}
  @Override public Savepoint setSavepoint() { return null; }
  @Override public Savepoint setSavepoint(String name) { return null; }
  @Override public void setSchema(String schema) {}
  @Override public void setTransactionIsolation(int level) {}
  @Override public void setTypeMap(Map<String, Class<?>> map) {}
  @Override public <T> T unwrap(Class<T> type) { return null; }
}
